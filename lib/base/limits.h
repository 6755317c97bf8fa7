/* lib/base/limits.h -- the limits of everything that comes from outside, in one place. */
#pragma once

#define LP_LIMIT_YAML_COPIES 100000     /* values that the aliases of a YAML file may make */
#define LP_LIMIT_JSON_DEPTH 64          /* nesting of a JSON or YAML document */
#define LP_LIMIT_CONFIG_BYTES (1 << 20) /* a configuration or YAML file */
#define LP_LIMIT_TOKEN_BYTES (16 << 10) /* a bearer token or token file */

#define LP_LIMIT_KUBE_OBJECT (8 << 20) /* one object or one watch line; etcd stops at 1.5 MiB */
#define LP_LIMIT_KUBE_LIST \
    (16 << 20)                 /* one page of a list; a longer one is asked for in smaller pages */
#define LP_LIMIT_KUBE_PAGE 500 /* objects per page */

#define LP_LIMIT_HTTP_HEADERS 16384 /* all headers of a request */
#define LP_LIMIT_HTTP_TARGET 8192   /* request target */
#define LP_LIMIT_HTTP_BODIES \
    (16 << 20) /* all request bodies of a server, 64 KiB of each aside; pods have 256 MiB */

#define LP_LIMIT_TRACE_BYTES (16 << 20) /* a trace for kubectl lp simulate */
#define LP_LIMIT_TRACE_ROWS 1000000
#define LP_LIMIT_TRACE_LINE 1024

#define LP_LIMIT_SCRAPE_BYTES (1 << 20) /* one pod's /metrics */
#define LP_LIMIT_METRIC_SERIES 4096     /* label sets of one metric family */
#define LP_LIMIT_QUEUE_KEYS 100000      /* keys in a work queue */
