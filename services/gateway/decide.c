/* services/gateway/decide.c -- the rules of the front door. One thread per worker. */
#include "services/gateway/decide.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "json/json.h"
#include "services/gateway/target.h"

static void answer_cached(struct exchange *x, enum reply_kind kind)
{
    unsigned status = 0;
    struct MHD_Response *response = replies_get(&x->worker->replies, kind, x->origin, &status);
    exchange_answer(x, status, response, true);
}

static void reject(const struct exchange *x, enum gateway_reason reason)
{
    lp_metric_add(x->worker->shared->metrics.rejected[reason], 1);
}

static uint64_t random_bits(struct worker *w)
{
    uint64_t a = w->random[0], b = w->random[1]; /* xorshift128+ */

    w->random[0] = b;
    a ^= a << 23;
    w->random[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
    return w->random[1] + b;
}

/* The client's, where it is 1 to 128 harmless characters; else a new one. */
static void take_request_id(struct exchange *x, const struct head *head)
{
    static const char safe[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+/=:";
    const struct field *f = head_find(head, "X-Request-Id");

    if (f && f->value_len > 0 && f->value_len < sizeof x->request_id &&
        strspn(f->value, safe) >= f->value_len) {
        memcpy(x->request_id, f->value, f->value_len);
        x->request_id[f->value_len] = '\0';
        return;
    }
    snprintf(x->request_id, sizeof x->request_id, "%016llx%016llx",
             (unsigned long long)random_bits(x->worker),
             (unsigned long long)random_bits(x->worker));
}

/* "Bearer " in that case, then the token up to the next space; 0 where there is none. */
static size_t bearer(const struct head *head, const char **ret_token)
{
    const struct field *f = head_find(head, "Authorization");

    if (!f || f->value_len <= 7 || strncmp(f->value, "Bearer ", 7) != 0)
        return 0;
    *ret_token = f->value + 7;
    const char *space = memchr(*ret_token, ' ', f->value_len - 7);
    return space ? (size_t)(space - *ret_token) : f->value_len - 7;
}

static json_t *claims_of(const struct exchange *x, const char *token, size_t len)
{
    struct lp_error err;
    json_t *claims = NULL;

    if (lp_jwt_verify(x->worker->shared->keys, token, len, lp_clock_wall_ms() / 1000, &claims,
                      &err) < 0)
        return NULL;
    return claims;
}

/* True where the request may go on; *ret_claims (the caller's) where it carried a good token. */
static bool check_token(struct exchange *x, const struct head *head, const char *path,
                        json_t **ret_claims)
{
    const char *token = NULL;
    size_t len = bearer(head, &token);

    if (target_is_open(path))
        return true;
    if (len == 0) {
        answer_cached(x, REPLY_NO_TOKEN);
        return false;
    }
    *ret_claims = claims_of(x, token, len);
    if (!*ret_claims)
        answer_cached(x, REPLY_BAD_TOKEN);
    return *ret_claims != NULL;
}

static bool within_rate(struct exchange *x, const json_t *claims)
{
    struct limiter *limiter = x->worker->shared->limiter;
    const char *client = lp_json_str(claims, "sub", NULL);

    if (!limiter)
        return true;
    if (!client)
        client = lp_json_str(claims, "userId", NULL);
    if (!client)
        client = x->conn->peer;
    x->limited = true;
    if (limiter_take(limiter, client, strlen(client), x->worker->now, &x->limit))
        return true;

    char seconds[24];
    snprintf(seconds, sizeof seconds, "%lld", (long long)x->limit.reset_s);
    reject(x, REJECT_RATE_LIMIT);
    exchange_answer(x, 429, replies_message(&x->worker->replies, x->origin, "Too many requests"),
                    false);
    MHD_add_response_header(x->response, "Retry-After", seconds);
    return false;
}

/* The head for the upstream. On /auth/ the cookie `token` stands in for a missing Authorization. */
static void write_head(struct exchange *x, const struct head *head, const char *rest,
                       const char *query)
{
    lp_auto_buf struct lp_buf authorization = LP_BUF_INIT(LP_LIMIT_HTTP_HEADERS);
    struct head_extras extras = { .peer = x->conn->peer, .request_id = x->request_id };
    size_t len = 0;

    if (strcmp(x->upstream->prefix, "/auth") == 0 && !head_find(head, "Authorization")) {
        const char *cookie = head_cookie(head, "token", &len);
        if (cookie && len > 0) {
            lp_buf_str(&authorization, "Bearer ");
            lp_buf_add(&authorization, cookie, len);
            extras.authorization = authorization.ptr;
        }
    }
    head_forward(head, &extras, &x->up_fields);
    lp_buf_str(&x->up_target, x->upstream->base);
    lp_buf_str(&x->up_target, *rest ? rest : "/");
    lp_buf_str(&x->up_target, query);
}

static void send_up(struct exchange *x)
{
    struct worker *w = x->worker;
    size_t i = (size_t)(x->upstream - w->shared->routes.upstreams);

    x->ticket.upstream = i;
    if (!breaker_admits(&w->breakers[i], w->now)) {
        reject(x, REJECT_CIRCUIT_OPEN);
        exchange_unavailable(x, breaker_wait(&w->breakers[i], w->now) + 1);
        return;
    }
    x->probe = w->breakers[i].state == BREAKER_HALF_OPEN;
    switch (admission_enter(&w->admission, &x->ticket, i)) {
    case ADMISSION_GRANTED:
        proxy_start(x);
        break;
    case ADMISSION_WAITS:
        lp_metric_add(w->shared->metrics.waiting, 1);
        x->deadline = w->now + w->shared->config->common.deadline_ms;
        worker_sweep_at(w, x->deadline);
        break;
    case ADMISSION_FULL:
        reject(x, REJECT_QUEUE_FULL);
        exchange_unavailable(x, 1000);
        break;
    }
}

static void decide_path(struct exchange *x, const struct head *head, const char *path,
                        const char *query)
{
    json_auto_t *claims = NULL;
    const char *rest = NULL;
    bool reads = strcmp(head->method, "GET") == 0 || strcmp(head->method, "HEAD") == 0;

    if (!check_token(x, head, path, &claims))
        return;
    if (reads && target_is_health(path)) {
        answer_cached(x, REPLY_HEALTH);
        return;
    }
    if (!within_rate(x, claims))
        return;
    x->upstream = target_upstream(&x->worker->shared->routes, path, &rest);
    if (!x->upstream) {
        answer_cached(x, REPLY_NOT_FOUND);
        return;
    }
    write_head(x, head, rest, query);
    if (x->up_target.overflowed || x->up_fields.overflowed)
        exchange_answer(x, 431, replies_message(&x->worker->replies, x->origin, "head too large"),
                        false);
    else
        send_up(x);
}

static void refuse(struct exchange *x, const char *why)
{
    exchange_answer(x, 400, replies_message(&x->worker->replies, x->origin, why), false);
}

static void preflight(struct exchange *x, const struct head *head)
{
    const struct field *f = head_find(head, "Access-Control-Request-Headers");

    exchange_answer(x, 204,
                    replies_preflight(&x->worker->replies, x->origin, f ? f->value : NULL,
                                      f ? f->value_len : 0),
                    false);
}

void decide(struct exchange *x, const struct head *head)
{
    lp_auto_buf struct lp_buf path = LP_BUF_INIT(LP_LIMIT_HTTP_TARGET);
    const struct field *origin = head_find(head, "Origin");
    const char *query = NULL;

    x->origin = replies_origin(&x->worker->replies, origin ? origin->value : NULL);
    take_request_id(x, head);
    if (strcmp(head->method, "OPTIONS") == 0)
        preflight(x, head);
    else if (!target_split(x->target, &path, &query))
        refuse(x, "malformed request target");
    else if (strlen(head->method) >= sizeof x->method)
        refuse(x, "method over 31 characters");
    else if (strcmp(head->method, "HEAD") == 0 && head->body_length != 0)
        refuse(x, "HEAD with a body");
    else
        decide_path(x, head, path.ptr, query);
}
