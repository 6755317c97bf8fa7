/* cli/dashboard/teaching.c -- see the header. No state. */
#include "cli/dashboard/teaching.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "cli/dashboard/forward.h"
#include "http/client/client.h"
#include "http/url.h"
#include "json/json.h"

#define DAY_MS INT64_C(86400000)
#define NAME_MOST 253
#define ZONE_MOST 64
#define ANSWER_MS 20000

static const char lower[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";
static const char zone_bytes[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/";
/* b64token of RFC 6750. */
static const char token_bytes[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=";

/* All borrowed from the question. */
struct question {
    const char *ns, *name, *token, *zone;
    int64_t days;
};

static int text_of(const json_t *o, const char *field, const char *bytes, size_t most,
                   const char **ret, struct lp_error *err)
{
    const char *text = lp_json_str(o, field, NULL);
    size_t n = text ? strlen(text) : 0;

    if (n == 0 || n > most || strspn(text, bytes) != n || text[0] == '-')
        return lp_error_set(err, LP_E_INVALID,
                            "%s: must have 1 to %zu of the bytes that it may have", field, most);
    *ret = text;
    return 0;
}

static int decode(const json_t *o, struct question *q, struct lp_error *err)
{
    q->days = lp_json_int(0, o, "days", NULL);
    if (q->days < 1 || q->days > TEACHING_DAYS)
        return lp_error_set(err, LP_E_INVALID, "days: must be 1 to %d, is %lld", TEACHING_DAYS,
                            (long long)q->days);
    int r = text_of(o, "namespace", lower, NAME_MOST, &q->ns, err);
    if (r == 0)
        r = text_of(o, "name", lower, NAME_MOST, &q->name, err);
    if (r == 0)
        r = text_of(o, "zone", zone_bytes, ZONE_MOST, &q->zone, err);
    return r == 0 ? text_of(o, "token", token_bytes, TEACHING_TOKEN, &q->token, err) : r;
}

/* ---- the gateway's answer ---- */

static const char *why_not(int status)
{
    switch (status) {
    case 401:
        return "the gateway does not take this token: it may be too old; log in again";
    case 403:
        return "this token is of nobody who teaches here: the sums are for teachers and admins";
    case 404:
        return "this platform's progress service has no sums: it is older than they are";
    case 429:
        return "the gateway answers no more of this client for now: try again later";
    case 503:
        return "the progress service does not answer now (no pod, no place, or its database)";
    default:
        return NULL;
    }
}

static json_t *missing(int status, const char *why)
{
    return lp_json_make("{s:s, s:i}", "missing", why, "status", status);
}

static json_t *answer_of(const struct lp_http_response *response)
{
    char unexpected[64];
    json_t *analytics = NULL;
    struct lp_error err;

    if (response->status == 200) {
        if (lp_json_parse(response->body.ptr, response->body.len, TEACHING_ANSWER, "analytics",
                          &analytics, &err) < 0)
            return missing(200, err.msg);
        return lp_json_make("{s:o}", "analytics", analytics);
    }
    snprintf(unexpected, sizeof unexpected, "the gateway answered %d", response->status);
    const char *why = why_not(response->status);
    return missing(response->status, why ? why : unexpected);
}

/* ---- the request ---- */

static void make_url(const struct question *q, uint16_t port, struct lp_buf *out)
{
    char from[LP_CLOCK_TEXT];

    lp_clock_format(lp_clock_wall_ms() - q->days * DAY_MS, 0, from);
    lp_buf_printf(out, "http://127.0.0.1:%u/progress/api/progress/analytics", port);
    lp_url_query(out, "from", from);
    lp_url_query(out, "zone", q->zone);
}

static int get(const struct question *q, uint16_t port, struct lp_stop *stop, json_t **ret,
               struct lp_error *err)
{
    const struct lp_http_client_options options = { .total_timeout_ms = ANSWER_MS,
                                                    .max_response = TEACHING_ANSWER,
                                                    .stop = stop };
    lp_auto_http_client struct lp_http_client *client = NULL;
    lp_auto_http_response struct lp_http_response response = LP_HTTP_RESPONSE_INIT;
    lp_auto_buf struct lp_buf url = LP_BUF_INIT(1024);
    lp_auto_free char *authorization = lp_sprintf("Authorization: Bearer %s", q->token);
    const char *const headers[] = { authorization, NULL };

    make_url(q, port, &url);
    const struct lp_http_request request = { .method = "GET", .url = url.ptr, .headers = headers };
    int r = lp_http_client_new(&options, &client, err);
    if (r == 0)
        r = lp_http_do(client, &request, &response, err);
    explicit_bzero(authorization, strlen(authorization));
    if (r == 0)
        *ret = answer_of(&response);
    return r;
}

/* What keeps us from the gateway is the page's to tell. */
static json_t *ask_gateway(const struct question *q, const struct cli_options *options,
                           struct lp_stop *stop)
{
    lp_auto_free char *service = lp_sprintf("%s-gateway", q->name);
    struct forward forward;
    struct lp_error err;
    json_t *answer = NULL;

    if (forward_start(options, q->ns, service, stop, &forward, &err) < 0)
        return missing(0, err.msg);
    int r = get(q, forward.port, stop, &answer, &err);
    forward_end(&forward);
    return r < 0 ? missing(0, err.msg) : answer;
}

int teaching_answer(const char *question, size_t len, const struct cli_options *options,
                    struct lp_stop *stop, json_t **ret_answer, struct lp_error *err)
{
    json_auto_t *o = NULL;
    struct question q;

    int r = lp_json_parse(question, len, TEACHING_BODY, "question", &o, err);
    if (r == 0)
        r = decode(o, &q, err);
    if (r == 0)
        *ret_answer = ask_gateway(&q, options, stop);
    return r;
}
