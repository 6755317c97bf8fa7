/* services/gateway/upstream_curl.h -- the upstream client by libcurl: https, and on request http.
 */
#pragma once

#include "services/gateway/upstream.h"

/* By libcurl's multi interface; it does not upgrade. NULL where libcurl cannot start. */
struct upstream_client *upstream_curl_new(int epoll_fd, uint64_t tag);
