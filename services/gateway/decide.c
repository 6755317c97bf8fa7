/* services/gateway/decide.c -- the rules of the front door. One thread per worker. */
#include "services/gateway/decide.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "json/json.h"
#include "services/gateway/head.h"
#include "services/gateway/target.h"

static uint64_t random_bits(uint64_t state[2])
{
    uint64_t a = state[0], b = state[1]; /* xorshift128+ */

    state[0] = b;
    a ^= a << 23;
    state[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
    return state[1] + b;
}

/* The client's, where it is 1 to 128 harmless characters; else a new one. */
static void take_request_id(const struct decision *d, const struct lp_request_head *head,
                            struct verdict *v)
{
    static const char safe[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+/=:";
    const struct lp_field *f = lp_fields_find(&head->fields, "X-Request-Id");
    size_t n = f && f->value_len <= DECIDE_ID_MAX ? f->value_len : 0, good = 0;

    while (good < n && f->value[good] && strchr(safe, f->value[good]))
        good++;
    if (n > 0 && good == n) {
        memcpy(v->request_id, f->value, n);
        v->request_id[n] = '\0';
        return;
    }
    snprintf(v->request_id, sizeof v->request_id, "%016llx%016llx",
             (unsigned long long)random_bits(d->random),
             (unsigned long long)random_bits(d->random));
}

/* "Bearer " in that case, then the token up to the next space; 0 where there is none. */
static size_t bearer(const struct lp_request_head *head, const char **ret_token)
{
    const struct lp_field *f = lp_fields_find(&head->fields, "Authorization");

    if (!f || f->value_len <= 7 || strncmp(f->value, "Bearer ", 7) != 0)
        return 0;
    *ret_token = f->value + 7;
    const char *space = memchr(*ret_token, ' ', f->value_len - 7);
    return space ? (size_t)(space - *ret_token) : f->value_len - 7;
}

static void reply(struct verdict *v, enum reply_kind kind)
{
    v->kind = VERDICT_REPLY;
    v->reply = kind;
}

static void refuse(struct verdict *v, unsigned status, const char *why)
{
    v->kind = VERDICT_REFUSE;
    v->status = status;
    v->why = why;
}

/* True where the request may go on; *ret_claims (the caller's) where it carried a good token. */
static bool check_token(const struct decision *d, const struct lp_request_head *head,
                        const char *path, json_t **ret_claims, struct verdict *v)
{
    const char *token = NULL;
    size_t len = bearer(head, &token);
    struct lp_error err;

    if (target_is_open(&d->shared->routes, path))
        return true;
    if (len == 0) {
        reply(v, REPLY_NO_TOKEN);
        return false;
    }
    int r = lp_keys_verify(d->shared->keys, token, len, 0, ret_claims, &err);
    if (r == LP_E_UNAVAILABLE) {
        v->kind = VERDICT_LATER;
        v->retry_after_ms = err.retry_after_ms;
    } else if (r < 0) {
        reply(v, REPLY_BAD_TOKEN);
    }
    return r == 0;
}

static bool within_rate(const struct decision *d, const struct in6_addr *client,
                        const json_t *claims, struct verdict *v)
{
    const char *subject = lp_json_str(claims, "sub", NULL);
    const void *key = client;
    size_t len = sizeof *client;

    if (!d->shared->limiter)
        return true;
    if (!subject)
        subject = lp_json_str(claims, "userId", NULL);
    if (subject) {
        key = subject;
        len = strlen(subject);
    }
    v->limited = true;
    if (limiter_take(d->shared->limiter, key, len, d->now, &v->limit))
        return true;
    v->kind = VERDICT_LIMITED;
    return false;
}

/* The head for the upstream. On /auth/ the cookie `token` stands in for a missing Authorization. */
static void write_head(const struct decision *d, const struct lp_request_head *head,
                       const struct in6_addr *client, const char *rest, const char *query,
                       struct verdict *v)
{
    lp_auto_buf struct lp_buf authorization = LP_BUF_INIT(LP_LIMIT_HTTP_HEADERS);
    char address[INET6_ADDRSTRLEN];
    struct head_extras extras = {
        .client = address,
        .request_id = v->request_id,
        .from_proxy = peer_is_trusted(&d->shared->trusted, d->peer),
    };
    size_t len = 0;

    peer_text(client, address);
    if (strcmp(v->upstream->prefix, "/auth") == 0 &&
        !lp_fields_find(&head->fields, "Authorization")) {
        const char *cookie = head_cookie(&head->fields, "token", &len);
        if (cookie && len > 0) {
            lp_buf_str(&authorization, "Bearer ");
            lp_buf_add(&authorization, cookie, len);
            extras.authorization = authorization.ptr;
        }
    }
    head_forward(head, &extras, v->up_fields);
    lp_buf_str(v->up_target, v->upstream->base);
    lp_buf_str(v->up_target, *rest ? rest : "/");
    lp_buf_str(v->up_target, query);
}

static bool is_websocket(const struct lp_request_head *head)
{
    return head->upgrade && head->body_length == 0 && lp_request_head_is(head, "GET") &&
           lp_fields_list_has(&head->fields, "Upgrade", "websocket", 9);
}

static void decide_upstream(const struct decision *d, const struct lp_request_head *head,
                            const struct in6_addr *client, const char *path, const char *query,
                            struct verdict *v)
{
    const char *rest = NULL;

    v->upstream = target_upstream(&d->shared->routes, path, &rest);
    if (!v->upstream) {
        reply(v, REPLY_NOT_FOUND);
        return;
    }
    if (v->upstream->body_limit > 0 && head->body_length > v->upstream->body_limit) {
        refuse(v, 413, "request body too large");
        return;
    }
    v->upgrade = is_websocket(head);
    write_head(d, head, client, rest, query, v);
    if (v->up_target->overflowed || v->up_fields->overflowed)
        refuse(v, 431, "head too large");
    else
        v->kind = VERDICT_FORWARD;
}

static void decide_path(const struct decision *d, const struct lp_request_head *head,
                        const char *path, const char *query, struct verdict *v)
{
    json_auto_t *claims = NULL;
    struct in6_addr client;
    bool reads = lp_request_head_is(head, "GET") || lp_request_head_is(head, "HEAD");

    if (!check_token(d, head, path, &claims, v))
        return;
    if (reads && target_is_health(path)) {
        reply(v, REPLY_HEALTH);
        return;
    }
    peer_client(&d->shared->trusted, d->peer, &head->fields, &client);
    if (within_rate(d, &client, claims, v))
        decide_upstream(d, head, &client, path, query, v);
}

void decide(const struct decision *d, const struct lp_request_head *head,
            struct verdict *io_verdict)
{
    lp_auto_buf struct lp_buf path = LP_BUF_INIT(LP_LIMIT_HTTP_TARGET + 1),
                              query = LP_BUF_INIT(LP_LIMIT_HTTP_TARGET + 1);

    io_verdict->origin = replies_origin(d->origins, lp_fields_find(&head->fields, "Origin"));
    take_request_id(d, head, io_verdict);
    if (lp_request_head_is(head, "OPTIONS"))
        io_verdict->kind = VERDICT_PREFLIGHT;
    else if (!target_split(head->path, head->path_len, &path, &query))
        refuse(io_verdict, 400, "malformed request target");
    else if (lp_request_head_is(head, "HEAD") && head->body_length != 0)
        refuse(io_verdict, 400, "HEAD with a body");
    else if (lp_fields_count(&head->fields, "Authorization") > 1)
        refuse(io_verdict, 400, "more than one Authorization");
    else
        decide_path(d, head, path.ptr, query.ptr, io_verdict);
}
