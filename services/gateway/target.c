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
    for (size_t at = 0; at < len;) { /* piece by piece, each up to a slash */
        const char *slash = memchr(raw + at, '/', len - at);
        size_t end = slash ? (size_t)(slash - raw) + 1 : len;
        lp_buf_add(path, raw + at, end - at);
        while (end < len && raw[end - 1] == '/' && raw[end] == '/')
            end++;
        at = end;
    }
    lp_buf_add(query, raw + len, n - len);
    return !path->overflowed && !query->overflowed;
}

static bool is_dot(const char **at)
{
    size_t n = **at == '.' ? 1 : strncasecmp(*at, "%2e", 3) == 0 ? 3 : 0;

    *at += n;
    return n > 0;
}

/* The separator of segments, also written as %2f and as a backslash, or the end. */
static bool ends_segment(const char *at)
{
    return *at == '/' || *at == '\\' || *at == '\0' || strncasecmp(at, "%2f", 3) == 0 ||
           strncasecmp(at, "%5c", 3) == 0;
}

bool target_is_doubtful(const char *path)
{
    for (const char *p = path; *p; p++) {
        if (strncmp(p, "%00", 3) == 0)
            return true;
        if (!ends_segment(p))
            continue;
        const char *at = p + (*p == '%' ? 3 : 1);
        unsigned dots = 0;
        while (dots < 2 && is_dot(&at))
            dots++;
        if (dots == 2 && ends_segment(at))
            return true;
    }
    return false;
}

bool target_is_health(const char *path)
{
    return strcasecmp(path, "/health") == 0 || strcasecmp(path, "/health/") == 0;
}

/* The longest of ROUTE_PATHS that is `path` or above it; NULL: none. */
static const struct gateway_path *path_above(const struct gateway_routes *r, const char *path)
{
    const struct gateway_path *best = NULL;

    for (size_t i = 0; i < r->n_paths; i++) {
        size_t len = strlen(r->paths[i].path);
        if (strncasecmp(r->paths[i].path, path, len) == 0 && (!path[len] || path[len] == '/') &&
            (!best || len > strlen(best->path)))
            best = &r->paths[i];
    }
    return best;
}

const struct gateway_upstream *target_upstream(const struct gateway_routes *r, const char *path,
                                               const char **ret_rest)
{
    size_t len = path[0] == '/' ? 1 + strcspn(path + 1, "/") : 0;
    const struct gateway_path *whole = path_above(r, path);

    if (whole) {
        *ret_rest = path;
        return &r->upstreams[whole->upstream];
    }
    for (size_t i = 0; i < r->n; i++) {
        const char *prefix = r->upstreams[i].prefix;
        if (strlen(prefix) == len && strncasecmp(prefix, path, len) == 0) {
            *ret_rest = path + len;
            return &r->upstreams[i];
        }
    }
    return NULL;
}

bool target_is_document(const struct gateway_routes *r, const char *path)
{
    const char *rest;

    return strcasecmp(path, "/openapi.json") == 0 && !target_upstream(r, path, &rest);
}

bool target_is_open(const struct gateway_routes *r, const char *path)
{
    const char *rest;

    return target_is_document(r, path) || strncmp(path, "/auth/", 6) == 0 ||
           (strncmp(path, "/health", 7) == 0 && !target_upstream(r, path, &rest));
}
