/* services/gateway/target.c -- routing by prefix. No state, any thread. */
#include "services/gateway/target.h"

#include <string.h>
#include <strings.h>

bool target_split(const char *raw, size_t n, struct lp_buf *path, struct lp_buf *query)
{
    const char *mark = memchr(raw, '?', n);
    size_t len = mark ? (size_t)(mark - raw) : n;

    if (len == 0)
        lp_buf_char(path, '/');
    else if (*raw != '/')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (raw[i] != '/' || i == 0 || raw[i - 1] != '/')
            lp_buf_char(path, raw[i]);
    }
    lp_buf_add(query, raw + len, n - len);
    return !path->overflowed && !query->overflowed;
}

bool target_is_health(const char *path)
{
    return strcasecmp(path, "/health") == 0 || strcasecmp(path, "/health/") == 0;
}

const struct gateway_upstream *target_upstream(const struct gateway_routes *r, const char *path,
                                               const char **ret_rest)
{
    size_t len = path[0] == '/' ? 1 + strcspn(path + 1, "/") : 0;

    for (size_t i = 0; i < r->n; i++) {
        const char *prefix = r->upstreams[i].prefix;
        if (strlen(prefix) == len && strncasecmp(prefix, path, len) == 0) {
            *ret_rest = path + len;
            return &r->upstreams[i];
        }
    }
    return NULL;
}

bool target_is_open(const struct gateway_routes *r, const char *path)
{
    const char *rest;

    return strncmp(path, "/auth/", 6) == 0 ||
           (strncmp(path, "/health", 7) == 0 && !target_upstream(r, path, &rest));
}
