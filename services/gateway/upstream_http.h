/* services/gateway/upstream_http.h -- the gateway's own HTTP/1.1 client. */
#pragma once

#include "metrics/metrics.h"
#include "services/gateway/endpoints.h"
#include "services/gateway/upstream.h"

/*
 * For http upstreams: connections are kept per upstream (at most 256 idle ones, for 15 s; none is
 * older than 20 s when it is used again, so that new pods get their share) and spread over the
 * upstream's addresses in turn. An address that fails is left alone for a while (outliers.h) while
 * there is another one. Borrowed: `endpoints`, and `left_alone` (NULL: none), counters by upstream
 * of how often one was.
 */
struct upstream_client *upstream_http_new(int epoll_fd, uint64_t tag, struct endpoints *endpoints,
                                          size_t n_upstreams, struct lp_metric *const *left_alone);
