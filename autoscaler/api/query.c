/*
 * From a request path to one of our routes: cut at the slashes first, decode second. Threads: none
 * of its own.
 */
#include "autoscaler/api/query.h"

#include <string.h>

#include "base/buf.h"
#include "http/url.h"

#define MAX_SEGMENTS 9

struct segments {
    unsigned n;
    char text[MAX_SEGMENTS][QUERY_NAME];
};

static int decode(const char *raw, size_t n, char ret[QUERY_NAME], struct lp_error *err)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(QUERY_NAME - 1);
    if (!lp_url_decode(raw, n, false, &text))
        return lp_error_set(err, LP_E_INVALID, "the path has a malformed percent-encoding");
    if (text.overflowed)
        return lp_error_set(err, LP_E_INVALID, "a part of the path has more than %d bytes",
                            QUERY_NAME - 1);
    if (text.len == 0 || strcmp(text.ptr, ".") == 0 || strcmp(text.ptr, "..") == 0 ||
        memchr(text.ptr, '/', text.len))
        return lp_error_set(err, LP_E_INVALID,
                            "a part of the path is empty, a dot or an encoded slash");
    memcpy(ret, text.ptr, text.len + 1);
    return 0;
}

/* `ret->n` counts all segments, `text` holds the first MAX_SEGMENTS. */
static int cut(const char *path, struct segments *ret, struct lp_error *err)
{
    ret->n = 0;
    if (*path != '/')
        return lp_error_set(err, LP_E_INVALID, "the path does not start with a slash");
    while (*path == '/' && path[1] != '\0') {
        path++;
        size_t n = strcspn(path, "/");
        char spare[QUERY_NAME];
        int r = decode(path, n, ret->n < MAX_SEGMENTS ? ret->text[ret->n] : spare, err);
        if (r < 0)
            return r;
        ret->n++;
        path += n;
    }
    return 0;
}

static bool take_segment(const struct segments *s, unsigned i, char ret[QUERY_SEGMENT])
{
    size_t n = strlen(s->text[i]);
    if (n >= QUERY_SEGMENT)
        return false;
    memcpy(ret, s->text[i], n + 1);
    return true;
}

static void take_name(const struct segments *s, unsigned i, struct query *q)
{
    memcpy(q->name, s->text[i], strlen(s->text[i]) + 1);
}

/* …/<resource>/<name>/<metric>, …/namespaces/<ns>/metrics/<metric>: attributes as
 * k8s.io/apiserver's requestinfo has them. */
static enum query_route other_shape(const struct segments *s, struct query *q)
{
    bool in_namespace = strcmp(s->text[3], "namespaces") == 0;
    bool taken = false;
    if (s->n == 7 && in_namespace && strcmp(s->text[5], "metrics") == 0) {
        taken = take_segment(s, 4, q->ns) && take_segment(s, 5, q->resource);
        take_name(s, 6, q);
    } else if (s->n == 6 && !in_namespace) {
        taken = take_segment(s, 3, q->resource) && take_segment(s, 5, q->metric);
        take_name(s, 4, q);
    }
    return taken ? QUERY_OTHER : QUERY_UNKNOWN;
}

/* /apis/<group>/<version>/namespaces/<ns>/<resource>/<name>/<metric> */
static enum query_route below_version(const struct segments *s, struct query *q)
{
    if (s->n == 3)
        return QUERY_RESOURCES;
    if (s->n == 6 || s->n == 7)
        return other_shape(s, q);
    if (s->n != 8 || strcmp(s->text[3], "namespaces") != 0)
        return QUERY_UNKNOWN;
    take_name(s, 6, q);
    return take_segment(s, 4, q->ns) && take_segment(s, 5, q->resource) &&
                   take_segment(s, 7, q->metric)
               ? QUERY_METRIC
               : QUERY_UNKNOWN;
}

static enum query_route below_apis(const struct segments *s, struct query *q)
{
    if (s->n == 1)
        return QUERY_APIS;
    if (strcmp(s->text[1], METRICS_GROUP) != 0)
        return QUERY_UNKNOWN;
    if (s->n == 2)
        return QUERY_API_GROUP;
    for (q->version = METRICS_V1BETA2; q->version < METRICS_VERSIONS; q->version++)
        if (strcmp(s->text[2], metrics_version_name(q->version)) == 0)
            return below_version(s, q);
    return QUERY_UNKNOWN;
}

static enum query_route top_level(const struct segments *s, struct query *q)
{
    static const struct {
        const char *name;
        enum query_route route;
    } names[] = {
        { "healthz", QUERY_HEALTH },  { "livez", QUERY_HEALTH },    { "readyz", QUERY_HEALTH },
        { "version", QUERY_VERSION }, { "metrics", QUERY_METRICS },
    };
    for (unsigned i = 0; s->n == 1 && i < sizeof names / sizeof *names; i++)
        if (strcmp(s->text[0], names[i].name) == 0) {
            memcpy(q->name, s->text[0], strlen(s->text[0]) + 1);
            return names[i].route;
        }
    return QUERY_UNKNOWN;
}

int query_parse(const char *path, struct query *ret_query, struct lp_error *err)
{
    struct segments s;
    int r = cut(path, &s, err);
    if (r < 0)
        return r;
    memset(ret_query, 0, sizeof *ret_query);
    if (s.n > 0 && strcmp(s.text[0], "apis") == 0)
        ret_query->route = below_apis(&s, ret_query);
    else
        ret_query->route = top_level(&s, ret_query);
    return 0;
}
