/* lib/http/client/client_drive.c -- a request from its begin to its end: by a multi handle of the
 * client's own in the caller's thread, or as a transfer of the mux. Stop, idle and total time are
 * checked beside it. */
#include <string.h>

#include "base/clock.h"
#include "base/heartbeat.h"
#include "http/client/client_parts.h"

/* "https://host:port" of the URL: what a message may name (the query may hold what it may not). */
static int peer_length(const char *url)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    return (int)(host - url) + (int)strcspn(host, "/?#");
}

#define fail(x, code, fmt, ...) \
    lp_error_set((x)->err, (code), "%.*s: " fmt, peer_length((x)->url), (x)->url, __VA_ARGS__)

static int code_of(CURLcode result)
{
    switch (result) {
    case CURLE_OPERATION_TIMEDOUT:
        return LP_E_TIMEOUT;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
        return LP_E_INVALID;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_FAILED_INIT:
        return LP_E_INTERNAL;
    default:
        return LP_E_UNAVAILABLE;
    }
}

static int finish(const struct exchange *x, CURLcode result)
{
    if (x->failed < 0)
        return lp_error_wrap(x->err, "%.*s", peer_length(x->url), x->url);
    if (result == CURLE_OK)
        return 0;
    return fail(x, code_of(result), "%s", x->c->why[0] ? x->c->why : curl_easy_strerror(result));
}

/* How long the loop may sleep; 0 or less where a limit has passed. */
static int64_t time_left(const struct exchange *x, int64_t end_ms, int64_t now_ms)
{
    int64_t idle = x->active_ms + x->c->idle_ms - now_ms;
    return end_ms < 0 || idle < end_ms - now_ms ? idle : end_ms - now_ms;
}

/* The earlier of the end by the total time and the one that the caller moves; -1: neither. */
static int64_t end_of(int64_t end_ms, const struct lp_http_request *request)
{
    if (!request->until_ms)
        return end_ms;
    int64_t until_ms = request->until_ms(request->until_user);
    return end_ms < 0 || until_ms < end_ms ? until_ms : end_ms;
}

struct driven {
    struct exchange *x;
    const struct lp_http_request *request;
    int64_t start, total_end;
    int code; /* of the check that ended it */
};

/* Before anything is sent, so that a process that was stopped meanwhile does not go on where it
 * was. *ret_left: how long the loop may sleep. */
static int check_time(const struct driven *d, int64_t *ret_left)
{
    const struct exchange *x = d->x;
    int64_t end = end_of(d->total_end, d->request), now = lp_clock_ms();

    if (lp_stop_requested(x->c->stop))
        return fail(x, LP_E_CANCELED, "%s", "stopped");
    *ret_left = time_left(x, end, now);
    if (*ret_left > 0)
        return 0;
    if (end >= 0 && now >= end)
        return fail(x, LP_E_TIMEOUT, "not done within %lld ms", (long long)(now - d->start));
    return fail(x, LP_E_TIMEOUT, "silent for %lld ms", (long long)x->c->idle_ms);
}

/* ---- alone ---- */

static CURLcode result_of(CURLM *multi)
{
    int left;
    const CURLMsg *m = curl_multi_info_read(multi, &left);
    return m && m->msg == CURLMSG_DONE ? m->data.result : CURLE_FAILED_INIT;
}

static int loop(const struct driven *d)
{
    const struct lp_http_client *c = d->x->c;
    struct curl_waitfd stop = { .fd = c->stop ? lp_stop_fd(c->stop) : -1,
                                .events = CURL_WAIT_POLLIN };
    int running = 1;

    for (;;) {
        int64_t left = 0;
        lp_heartbeat();
        int r = check_time(d, &left);
        if (r < 0)
            return r;
        CURLMcode result = curl_multi_perform(c->multi, &running);
        if (result != CURLM_OK)
            return fail(d->x, LP_E_INTERNAL, "%s", curl_multi_strerror(result));
        if (running == 0)
            return finish(d->x, result_of(c->multi));
        curl_multi_poll(c->multi, &stop, c->stop ? 1 : 0, left < 1000 ? (int)left : 1000, NULL);
    }
}

static int drive_alone(const struct driven *d)
{
    struct lp_http_client *c = d->x->c;

    curl_multi_add_handle(c->multi, c->easy);
    int r = loop(d);
    /* HTTP/2 would keep the connection on which nothing came back, and use it again. */
    c->reset = r < 0 && d->x->failed == 0;
    curl_easy_setopt(c->easy, CURLOPT_FORBID_REUSE, c->reset ? 1L : 0L);
    curl_multi_remove_handle(c->multi, c->easy);
    c->reset = false;
    curl_easy_setopt(c->easy, CURLOPT_FORBID_REUSE, 0L);
    return r;
}

/* ---- as a transfer ---- */

static bool check_transfer(void *user, int64_t *ret_left_ms)
{
    struct driven *d = user;

    d->code = check_time(d, ret_left_ms);
    return d->code == 0;
}

/* What a sink does not want, a stop, or a stream that the server resets (RFC 9113, 5.4.2) is no
 * sign of a connection that is dead. */
static bool blames_connection(const struct lp_http_transfer *e)
{
    const struct driven *d = e->user;

    if (e->end == LP_HTTP_MUX_CHECKED)
        return d->code == LP_E_TIMEOUT;
    return e->result != CURLE_OK && e->result != CURLE_HTTP2_STREAM && d->x->failed == 0;
}

static int drive_by_mux(struct driven *d)
{
    struct lp_http_client *c = d->x->c;
    struct lp_http_transfer e = { .easy = c->easy,
                                  .stop = c->stop,
                                  .check = check_transfer,
                                  .blames_connection = blames_connection,
                                  .user = d };

    lp_http_mux_run(c->mux, &e);
    if (e.end == LP_HTTP_MUX_CHECKED)
        return d->code;
    if (e.end == LP_HTTP_MUX_GIVEN_UP)
        return fail(d->x, LP_E_UNAVAILABLE, "%s", "given up with its connection");
    return finish(d->x, e.result);
}

int lp_http_client_drive(struct exchange *x, const struct lp_http_request *request)
{
    int64_t total_ms = request->total_timeout_ms ? request->total_timeout_ms : x->c->total_ms;
    struct driven d = { .x = x, .request = request, .start = lp_clock_ms() };

    d.total_end = total_ms < 0 ? -1 : d.start + total_ms;
    x->active_ms = d.start;
    return x->c->mux ? drive_by_mux(&d) : drive_alone(&d);
}
