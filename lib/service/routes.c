/* lib/service/routes.c -- paths by segments, so that an encoded slash stays inside its segment. No
 * state. */
#include "service/routes.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "http/url.h"

void lp_route_path_done(struct lp_route_path *p)
{
    lp_buf_done(&p->bytes);
    p->n = 0;
}

bool lp_route_path_read(const char *raw, struct lp_route_path *ret_path)
{
    size_t starts[LP_COUNT(ret_path->segments)] = { 0 };
    struct lp_route_path p = { .bytes = LP_BUF_INIT(2 * strlen(raw) + 2) };
    bool good = raw[0] == '/';

    while (good && *raw == '/' && raw[1] != '\0') {
        size_t n = strcspn(++raw, "/");
        good = p.n < LP_COUNT(starts);
        if (!good)
            break;
        starts[p.n++] = p.bytes.len;
        good = lp_url_decode(raw, n, false, &p.bytes);
        lp_buf_char(&p.bytes, '\0');
        raw += n;
    }
    for (unsigned i = 0; i < p.n; i++)
        p.segments[i] = p.bytes.ptr + starts[i];
    *ret_path = p;
    if (!good)
        lp_route_path_done(ret_path);
    return good;
}

/* Compares one pattern ("/a/:id/b") with the path; notes its parameters. */
static bool matches(const char *pattern, struct lp_route_path *path)
{
    unsigned n_params = 0, i = 0;

    for (; *pattern == '/' && pattern[1] != '\0'; i++) {
        size_t n = strcspn(++pattern, "/");
        if (i >= path->n)
            return false;
        const char *segment = path->segments[i];
        if (*pattern == ':') {
            if (*segment == '\0' || n_params == LP_ROUTE_PARAMS)
                return false;
            path->params[n_params++] = segment;
        } else if (strlen(segment) != n || strncasecmp(segment, pattern, n) != 0) {
            return false;
        }
        pattern += n;
    }
    return i == path->n;
}

const struct lp_route *lp_route_find(const struct lp_route *routes, const char *method,
                                     struct lp_route_path *path)
{
    const char *as = strcmp(method, "HEAD") == 0 ? "GET" : method;

    for (const struct lp_route *r = routes; r->method; r++) {
        memset(path->params, 0, sizeof path->params);
        if ((strcmp(r->method, method) == 0 || strcmp(r->method, as) == 0) &&
            matches(r->path, path))
            return r;
    }
    return NULL;
}
