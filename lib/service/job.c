/* lib/service/job.c -- makes a job of an exchange: identity, trace, path. Event loop only, but for
 * the release. */
#include "service/job.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"

/* At most 32 bytes, of as many as the kernel gives without an interruption. */
static void random_bytes(unsigned char *ret_bytes, size_t n)
{
    static _Thread_local struct {
        unsigned char bytes[240];
        size_t left;
    } pool;

    if (pool.left < n) {
        if (getrandom(pool.bytes, sizeof pool.bytes, 0) != (ssize_t)sizeof pool.bytes)
            abort(); /* cannot fail for so few bytes once the system is up */
        pool.left = sizeof pool.bytes;
    }
    pool.left -= n;
    memcpy(ret_bytes, pool.bytes + pool.left, n);
}

/* `n` hex digits, an even number of at most 64. */
static void make_id(char *text, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[32];
    random_bytes(bytes, n / 2);
    for (size_t i = 0; i < n; i++)
        text[i] = digits[i % 2 ? bytes[i / 2] & 15 : bytes[i / 2] >> 4];
    text[n] = '\0';
}

/* The caller's trace goes on; without one that is sound a new one begins here, as at the gateway.
 */
static void take_trace(struct lp_job *job, const char *given)
{
    char ids[LP_TRACE_ID + 16]; /* 32 digits of the trace, 16 of its parent */

    if (given && lp_trace_is_parent(given, strlen(given))) {
        memcpy(job->traceparent, given, sizeof job->traceparent);
    } else {
        make_id(ids, 48);
        lp_trace_parent(ids, ids + 32, job->traceparent);
    }
    snprintf(job->trace_id, sizeof job->trace_id, "%.32s", job->traceparent + 3);
}

const struct lp_job *lp_job_log(const struct lp_job *job)
{
    static _Thread_local const struct lp_job *current;
    const struct lp_job *before = current;

    current = job;
    lp_log_context_id(job ? "id" : NULL, job ? job->request_id : NULL);
    lp_log_context_trace(job ? "trace_id" : NULL, job ? job->trace_id : NULL);
    return before;
}

struct lp_job *lp_job_new(struct lp_service_state *state, struct lp_http_exchange *x)
{
    struct lp_job *job = lp_alloc(sizeof *job);
    const char *id = lp_http_header(x, "X-Request-Id");

    job->state = state;
    job->arrived_ns = job->started_ns = lp_clock_ns();
    atomic_init(&job->holders, 2);
    snprintf(job->method, sizeof job->method, "%s", lp_http_method(x));
    if (id && lp_trace_is_request_id(id, strlen(id)))
        snprintf(job->request_id, sizeof job->request_id, "%s", id);
    else
        make_id(job->request_id, 32);
    take_trace(job, lp_http_header(x, "traceparent"));
    job->decoded = (struct lp_buf)LP_BUF_INIT(strlen(lp_http_path(x)) + 1);
    job->path.bytes = (struct lp_buf)LP_BUF_INIT(0);
    job->request = (struct lp_service_request){
        .x = x,
        .method = lp_http_method(x),
        .path = "",
        .request_id = job->request_id,
        .traceparent = job->traceparent,
    };
    lp_http_set_context(x, job);
    return job;
}

void lp_job_release(struct lp_job *job)
{
    if (atomic_fetch_sub(&job->holders, 1) > 1)
        return;
    lp_route_path_done(&job->path);
    lp_buf_done(&job->decoded);
    free(job);
}

bool lp_job_read_path(struct lp_job *job)
{
    if (!lp_route_path_read(lp_http_path(job->request.x), &job->path))
        return false;
    for (unsigned i = 0; i < job->path.n; i++) {
        lp_buf_char(&job->decoded, '/');
        lp_buf_str(&job->decoded, job->path.segments[i]);
    }
    if (job->path.n == 0)
        lp_buf_char(&job->decoded, '/');
    job->request.path = job->decoded.ptr;
    return true;
}

void lp_service_pass_on(const struct lp_service_request *r, struct lp_service_pass *ret_pass)
{
    memset(ret_pass, 0, sizeof *ret_pass);
    snprintf(ret_pass->request_id, sizeof ret_pass->request_id, "X-Request-Id: %s", r->request_id);
    ret_pass->list[0] = ret_pass->request_id;
    snprintf(ret_pass->traceparent, sizeof ret_pass->traceparent, "traceparent: %s",
             r->traceparent);
    ret_pass->list[1] = ret_pass->traceparent;
}

/* "application/json; charset=utf-8", "application/merge-patch+json" */
static bool is_json_type(const char *type)
{
    size_t n = strcspn(type, "; \t");
    return (n == 16 && strncasecmp(type, "application/json", n) == 0) ||
           (n > 17 && strncasecmp(type, "application/", 12) == 0 &&
            strncasecmp(type + n - 5, "+json", 5) == 0);
}

static int refused(struct lp_error *err, int status)
{
    err->http_status = status;
    return err->code;
}

int lp_service_read_json(const struct lp_service_request *r, json_t **ret_object,
                         struct lp_error *err)
{
    size_t len;
    const char *body = lp_http_body(r->x, &len);
    const char *type = lp_http_header(r->x, "Content-Type");

    if (len == 0) {
        *ret_object = json_object();
        return 0;
    }
    if (!type || !is_json_type(type)) {
        lp_error_set(err, LP_E_INVALID, "Content-Type must be application/json");
        return refused(err, 415);
    }
    if (lp_json_parse(body, len, len, "request body", ret_object, err) < 0)
        return refused(err, 400);
    if (!json_is_object(*ret_object)) {
        json_decref(*ret_object);
        *ret_object = NULL;
        lp_error_set(err, LP_E_INVALID, "request body must be a JSON object");
        return refused(err, 400);
    }
    return 0;
}
