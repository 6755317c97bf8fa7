/* autoscaler/discovery.h -- what we serve, as Kubernetes clients ask for it. */
#pragma once

#include <stddef.h>

#include "autoscaler/query.h"

/* The metrics of each resource; ends with resource NULL. All in the one group, all namespaced. */
struct discovery_metric {
    const char *resource, *metric;
};
extern const struct discovery_metric discovery_metrics[];

enum discovery_format {
    DISCOVERY_NONE,    /* nothing that we can write is accepted: 406 */
    DISCOVERY_JSON,    /* plain JSON */
    DISCOVERY_V2,      /* apidiscovery.k8s.io/v2 APIGroupDiscoveryList */
    DISCOVERY_V2BETA1, /* the same as v2beta1 */
};

/*
 * The first of the media ranges of an Accept header (RFC 9110 12.5.1; NULL: all) that we can write.
 * `discovery`: whether the aggregated forms (KEP-3352) are on offer; elsewhere they do not count,
 * nor does any other "as=" (kubectl asks for Table with a fall-back to plain JSON).
 */
enum discovery_format discovery_negotiate(const char *accept, bool discovery);

/* A document of /apis that lives as long as the program, with its constant ETag ("\"<sha256>\"").
 */
struct discovery_document {
    const char *body, *content_type, *etag;
    size_t len;
};

/* Once, before the first use of _apis; again is fine. */
void discovery_init(void);
const struct discovery_document *discovery_apis(enum discovery_format f);

/* APIGroup and APIResourceList; JSON, NUL-terminated, live as long as the program. */
const char *discovery_group(void);
const char *discovery_resources(enum query_version v);
