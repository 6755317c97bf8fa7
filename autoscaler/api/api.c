/*
 * A request to the metrics API: method and path, then who and whether (auth.h), then the answer
 * from memory. No I/O and no Retry-After anywhere here: an HPA's worker waits for each answer, and
 * the controller has five.
 *
 * Threads: the server's event loops; after a review, one of its threads.
 */
#include "autoscaler/api/api.h"

#include <string.h>

#include "autoscaler/api/answer.h"
#include "autoscaler/api/discovery.h"
#include "autoscaler/base/telemetry.h"
#include "base/alloc.h"
#include "base/clock.h"

#define MAX_ANSWER ((size_t)64 * 1024 * 1024)
#define JSON "application/json"

struct request {
    const struct api *api;
    struct lp_http_exchange *x;
    int64_t began_ns;
    struct query query;
    struct auth_attributes attributes;
};

/* ---- answers ---- */

static const char *route_name(enum query_route r)
{
    static const char *const names[] = { "health",    "version", "metrics", "apis",   "group",
                                         "resources", "metric",  "other",   "unknown" };
    return names[r];
}

/* The counter of a route's answers with this status; the ones with 200 are looked up once. */
static struct lp_metric *answers_of(enum query_route route, int status)
{
    static struct lp_metric *_Atomic good[QUERY_UNKNOWN + 1];
    struct lp_metric *m = status == 200 ? good[route] : NULL;
    if (m)
        return m;
    lp_auto_free char *code = lp_sprintf("%d", status);
    m = lp_metric_with(telemetry.answers, route_name(route), code);
    if (status == 200)
        good[route] = m;
    return m;
}

/* Before the reply, which ends the exchange. */
static void note_answer(const struct request *r, int status)
{
    lp_metric_add(answers_of(r->query.route, status), 1);
    lp_metric_observe(telemetry.answer_seconds, (double)(lp_clock_ns() - r->began_ns) / 1e9);
}

static void reply_buf(const struct request *r, int status, struct lp_buf *body)
{
    note_answer(r, status);
    lp_http_reply_buf(r->x, status, JSON, body);
}

static void reply_constant(const struct request *r, const char *type, const char *text, size_t len)
{
    note_answer(r, 200);
    lp_http_reply(r->x, 200, type, text, len);
}

static void reply_status(const struct request *r, int status, const char *message)
{
    lp_auto_buf struct lp_buf body = LP_BUF_INIT(8192);
    answer_status(status, message, &body);
    reply_buf(r, status, &body);
}

static int status_of(const struct lp_error *err)
{
    switch (err->code) {
    case LP_E_INVALID:
        return 400;
    case LP_E_NOT_FOUND:
        return 404;
    case LP_E_UNAVAILABLE:
        return 503;
    default:
        return 500;
    }
}

static bool accepts_json(const struct request *r)
{
    return discovery_negotiate(lp_http_header(r->x, "Accept"), false) == DISCOVERY_JSON;
}

static void not_acceptable(const struct request *r)
{
    reply_status(r, 406, "only application/json can be written: put it or */* into Accept");
}

static void answer_apis(const struct request *r)
{
    enum discovery_format f = discovery_negotiate(lp_http_header(r->x, "Accept"), true);
    if (f == DISCOVERY_NONE) {
        not_acceptable(r);
        return;
    }
    struct discovery *now = discovery_current();
    const struct discovery_document *d = discovery_apis(now, f);
    const char *known = lp_http_header(r->x, "If-None-Match");
    lp_http_reply_header(r->x, "ETag", d->etag);
    lp_http_reply_header(r->x, "Vary", "Accept");
    if (known && strstr(known, d->etag)) {
        note_answer(r, 304);
        lp_http_reply(r->x, 304, NULL, "", 0);
    } else {
        reply_constant(r, d->content_type, d->body, d->len);
    }
    discovery_unref(now);
}

static void answer_text(const struct request *r, const char *json)
{
    if (accepts_json(r))
        reply_constant(r, JSON, json, strlen(json));
    else
        not_acceptable(r);
}

static void answer_discovery(const struct request *r)
{
    struct discovery *now = discovery_current();
    answer_text(r, r->query.route == QUERY_API_GROUP ? discovery_group(now)
                                                     : discovery_resources(now, r->query.version));
    discovery_unref(now);
}

static void answer_health(const struct request *r)
{
    char why[128] = "";
    bool ok = strcmp(r->query.name, "readyz") != 0 || r->api->ready(r->api->ready_user, why);
    const char *text = ok ? "ok" : why;
    note_answer(r, ok ? 200 : 503);
    lp_http_reply(r->x, ok ? 200 : 503, "text/plain; charset=utf-8", text, strlen(text));
}

static void answer_own_metrics(const struct request *r)
{
    lp_auto_buf struct lp_buf body = LP_BUF_INIT(MAX_ANSWER);
    struct lp_error err;
    if (lp_metrics_write(&body, &err) < 0)
        reply_status(r, 500, err.msg);
    else
        reply_constant(r, LP_METRICS_CONTENT_TYPE, body.ptr, body.len);
}

/* ---- a metric ---- */

/* NULL: we do not serve it. */
static const struct discovery_metric *find_metric(const struct query *q)
{
    for (const struct discovery_metric *m = discovery_metrics; m->resource; m++)
        if (strcmp(m->resource, q->resource) == 0 && strcmp(m->metric, q->metric) == 0)
            return m;
    return NULL;
}

static int no_such_metric(const struct query *q, struct lp_error *err)
{
    lp_auto_buf struct lp_buf known = LP_BUF_INIT(1024);
    for (const struct discovery_metric *m = discovery_metrics; m->resource; m++)
        lp_buf_printf(&known, "%s%s/%s", known.len > 0 ? ", " : "", m->resource, m->metric);
    return lp_error_set(err, LP_E_NOT_FOUND,
                        "the server could not find the metric %.100s for %.60s: it serves %s",
                        q->metric, q->resource, known.ptr);
}

static int read_selectors(struct request *r, struct lp_selector *ret_selector, struct lp_error *err)
{
    struct lp_selector of_metric;
    int code = lp_selector_parse(lp_http_query(r->x, "metricLabelSelector"), &of_metric, err);
    if (code < 0)
        return lp_error_wrap(err, "metricLabelSelector");
    if (!lp_selector_matches(&of_metric, NULL))
        return lp_error_set(err, LP_E_NOT_FOUND,
                            "the metric %s has no labels, so that this metricLabelSelector "
                            "matches nothing",
                            r->query.metric);
    code = lp_selector_parse(lp_http_query(r->x, "labelSelector"), ret_selector, err);
    return code < 0 ? lp_error_wrap(err, "labelSelector") : 0;
}

static int write_metric(struct request *r, const struct discovery_metric *metric,
                        struct lp_buf *body, struct lp_error *err)
{
    struct lp_selector selector;
    auto_samples_values struct samples_values values = SAMPLES_VALUES_INIT;
    if (!metric)
        return no_such_metric(&r->query, err);
    int code = read_selectors(r, &selector, err);
    if (code < 0)
        return code;
    const struct samples_question question = {
        .pods = strcmp(r->query.resource, "pods") == 0,
        .ns = r->query.ns,
        .name = strcmp(r->query.name, "*") == 0 ? NULL : r->query.name,
        .metric = metric->value,
        .selector = &selector,
        .now_ms = lp_clock_ms(),
        .wall_ms = lp_clock_wall_ms(),
    };
    code = samples_read(r->api->samples, &question, &values, err);
    if (code < 0)
        return code;
    answer_list(&r->query, &values, body);
    return body->overflowed
               ? lp_error_set(err, LP_E_TOO_LARGE, "the answer has over %zu bytes", body->max)
               : 0;
}

/* Where we stand in for another adapter: its answer comes later, from another thread.
 * What we have no metric of goes there; what we have no object of too, and `ours` is then what we
 * say of it. What is ours and has no value now is our 503. */
static bool pass_on(const struct request *r, const char *ours)
{
    return r->api->pass_on && r->api->pass_on(r->api->pass_on_user, r->query.version, r->x, ours);
}

static void answer_metric(struct request *r)
{
    lp_auto_buf struct lp_buf body = LP_BUF_INIT(MAX_ANSWER);
    struct lp_error err = { 0 };
    const struct discovery_metric *metric = find_metric(&r->query);
    if (!metric && pass_on(r, NULL))
        return;
    if (!accepts_json(r))
        not_acceptable(r);
    else if (write_metric(r, metric, &body, &err) == 0)
        reply_buf(r, 200, &body);
    else if (!metric || err.code != LP_E_NOT_FOUND || !pass_on(r, err.msg))
        reply_status(r, status_of(&err), err.msg);
}

/* ---- the way there ---- */

static void api_answer(struct request *r)
{
    switch (r->query.route) {
    case QUERY_HEALTH:
        answer_health(r);
        break;
    case QUERY_VERSION:
        answer_text(r, "{\"major\":\"1\",\"minor\":\"0\",\"gitVersion\":\"" LP_VERSION "\"}");
        break;
    case QUERY_METRICS:
        answer_own_metrics(r);
        break;
    case QUERY_APIS:
        answer_apis(r);
        break;
    case QUERY_API_GROUP:
    case QUERY_RESOURCES:
        answer_discovery(r);
        break;
    case QUERY_METRIC:
        answer_metric(r);
        break;
    case QUERY_OTHER:
        if (pass_on(r, NULL))
            break;
        __attribute__((fallthrough));
    case QUERY_UNKNOWN:
        reply_status(r, 404, "the server could not find the requested resource");
        break;
    }
}

static void checked(int status, const char *message, void *user)
{
    struct request *r = user;
    if (status == 401)
        lp_http_reply_header(r->x, "WWW-Authenticate", "Bearer");
    if (status == 200)
        api_answer(r);
    else
        reply_status(r, status, message);
    free(r);
}

/* What RBAC is asked; NULL where it is enough to be somebody: nothing is answered but that we do
 * not have it. */
static const struct auth_attributes *attributes_of(struct request *r)
{
    enum query_route route = r->query.route;
    if (route == QUERY_UNKNOWN || (route == QUERY_OTHER && !r->api->pass_on))
        return NULL;
    if (route != QUERY_METRIC && route != QUERY_OTHER)
        r->attributes.path = lp_http_path(r->x);
    r->attributes.ns = r->query.ns;
    r->attributes.group = METRICS_GROUP;
    r->attributes.version = metrics_version_name(r->query.version);
    r->attributes.resource = r->query.resource;
    r->attributes.subresource = r->query.metric;
    r->attributes.name = r->query.name;
    return &r->attributes;
}

void api_handle(struct lp_http_exchange *x, void *user)
{
    struct request *r = lp_alloc(sizeof *r);
    struct lp_error err = { 0 };
    *r = (struct request){ .api = user, .x = x, .began_ns = lp_clock_ns() };
    r->query.route = QUERY_UNKNOWN;

    if (strcmp(lp_http_method(x), "GET") != 0) {
        lp_http_reply_header(x, "Allow", "GET");
        checked(405, "the metrics API knows GET only", r);
    } else if (query_parse(lp_http_path(x), &r->query, &err) < 0) {
        r->query.route = QUERY_UNKNOWN;
        checked(400, err.msg, r);
    } else if (r->query.route == QUERY_HEALTH) {
        checked(200, "", r);
    } else {
        auth_check(r->api->auth, x, attributes_of(r), checked, r);
    }
}

#define STATUS(code, reason, message)                                                    \
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\"," \
    "\"message\":\"" message "\",\"reason\":\"" reason "\",\"code\":" #code "}"

const char *api_refusal(int status, const char *why, void *user)
{
    (void)why, (void)user;
    switch (status) {
    case 413:
        return STATUS(413, "RequestEntityTooLarge", "the request has a body that is too large");
    case 414:
        return STATUS(414, "BadRequest", "the request target is too long");
    case 431:
        return STATUS(431, "BadRequest", "the request headers have over 16384 bytes");
    default:
        return STATUS(400, "BadRequest", "the request is malformed");
    }
}
