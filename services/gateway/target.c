/* services/gateway/target.c -- routing by prefix. No state, any thread. */
#include "services/gateway/target.h"

#include <string.h>
#include <strings.h>

bool target_split(const char *raw, struct lp_buf *path, const char **ret_query)
{
    for (const char *p = raw; *p; p++) {
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return false;
    }
    if (strncasecmp(raw, "http://", 7) == 0 || strncasecmp(raw, "https://", 8) == 0) {
        raw = strchr(raw, ':') + 3;
        if (*raw == '/' || *raw == '\0')
            return false;
        raw += strcspn(raw, "/?");
        if (*raw != '/')
            lp_buf_char(path, '/');
    } else if (*raw != '/') {
        return false;
    }
    size_t len = strcspn(raw, "?");
    for (size_t i = 0; i < len; i++) {
        if (raw[i] != '/' || i == 0 || raw[i - 1] != '/')
            lp_buf_char(path, raw[i]);
    }
    *ret_query = raw + len;
    return !path->overflowed;
}

bool target_is_open(const char *path)
{
    return strncmp(path, "/health", 7) == 0 || strncmp(path, "/auth/", 6) == 0;
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
