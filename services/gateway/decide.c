/* services/gateway/decide.c -- the rules of the front door. One thread per worker. */
#include "services/gateway/decide.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "json/json.h"
#include "service/trace.h"
#include "services/gateway/head.h"
#include "services/gateway/target.h"

/* NULL: the client sent none that is sound. */
static const struct lp_field *find_trace(const struct lp_fields *fields)
{
    const struct lp_field *f = lp_fields_find(fields, "traceparent");

    return f && lp_trace_is_parent(f->value, f->value_len) ? f : NULL;
}

static void take_trace(const struct decision *d, const struct lp_request_head *head,
                       struct verdict *v)
{
    const struct lp_field *f = find_trace(&head->fields);

    if (f)
        memcpy(v->trace_id, f->value + 3, sizeof v->trace_id - 1);
    else
        worker_random_hex(d->random, v->trace_id, 32);
}

/* The client's, where it is sound; else a new one. */
static void take_request_id(const struct decision *d, const struct lp_request_head *head,
                            struct verdict *v)
{
    const struct lp_field *f = lp_fields_find(&head->fields, "X-Request-Id");

    if (!f || !lp_trace_is_request_id(f->value, f->value_len)) {
        worker_random_hex(d->random, v->request_id, 32);
        return;
    }
    memcpy(v->request_id, f->value, f->value_len);
    v->request_id[f->value_len] = '\0';
}

static bool is_websocket(const struct lp_request_head *head)
{
    return head->upgrade && head->body_length == 0 && lp_request_head_is(head, "GET") &&
           lp_fields_list_has(&head->fields, "Upgrade", "websocket", 9);
}

/* "bearer, <token>" at the front of the subprotocols: browsers cannot send Authorization with a
 * handshake. *ret_rest: the other ones. */
static size_t offered_token(const struct lp_request_head *head, const char **ret_token,
                            const char **ret_rest)
{
    const struct lp_field *f = lp_fields_find(&head->fields, "Sec-WebSocket-Protocol");
    const char *end = f ? f->value + f->value_len : NULL, *p = f ? f->value + 6 : NULL;

    if (!f || f->value_len < 8 || memcmp(f->value, "bearer", 6) != 0 || !is_websocket(head))
        return 0;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    if (p == end || *p++ != ',')
        return 0;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    *ret_token = p;
    while (p < end && *p != ',' && *p != ' ' && *p != '\t')
        p++;
    size_t n = (size_t)(p - *ret_token);
    while (p < end && (*p == ' ' || *p == '\t' || *p == ','))
        p++;
    *ret_rest = p;
    return n;
}

/* "Bearer " in that case, then the token up to the next space; 0 where there is none. */
static size_t bearer(const struct lp_request_head *head, const char **ret_token)
{
    const struct lp_field *f = lp_fields_find(&head->fields, "Authorization");
    const char *rest;

    if (!f)
        return offered_token(head, ret_token, &rest);
    if (f->value_len <= 7 || strncmp(f->value, "Bearer ", 7) != 0)
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

/* Whose token it is; NULL: it does not say. */
static const char *subject_of(const json_t *claims)
{
    const char *subject = lp_json_str(claims, "sub", NULL);
    return subject ? subject : lp_json_str(claims, "userId", NULL);
}

static bool within_rate(const struct decision *d, const struct in6_addr *client,
                        const char *subject, struct verdict *v)
{
    const struct gateway_routes *routes = &d->shared->routes;
    unsigned route =
        v->upstream ? (unsigned)(v->upstream - routes->upstreams) : (unsigned)routes->n;

    if (!d->shared->by_address)
        return true;
    v->limited = true;
    if (subject
            ? limiter_take(d->shared->by_subject, route, subject, strlen(subject), d->now,
                           &v->limit)
            : limiter_take(d->shared->by_address, route, client, sizeof *client, d->now, &v->limit))
        return true;
    v->kind = VERDICT_LIMITED;
    return false;
}

/* What stands in for a missing Authorization: a token among the subprotocols, on /auth/ the cookie
 * `token`. */
static void stand_in(const struct lp_request_head *head, struct head_extras *io_extras,
                     struct lp_buf *authorization, struct verdict *v)
{
    const char *token = NULL, *rest = NULL;
    size_t len = 0;

    if (lp_fields_find(&head->fields, "Authorization"))
        return;
    len = offered_token(head, &token, &rest);
    v->offered_bearer = len > 0;
    if (len > 0)
        io_extras->subprotocols = rest;
    else if (strcmp(v->upstream->prefix, "/auth") == 0)
        token = head_cookie(&head->fields, "token", &len);
    if (!token || len == 0)
        return;
    lp_buf_str(authorization, "Bearer ");
    lp_buf_add(authorization, token, len);
    io_extras->authorization = authorization->ptr;
}

static void write_head(const struct decision *d, const struct lp_request_head *head,
                       const struct in6_addr *client, const char *rest, const char *query,
                       struct verdict *v)
{
    lp_auto_buf struct lp_buf authorization = LP_BUF_INIT(LP_LIMIT_HTTP_HEADERS);
    char address[INET6_ADDRSTRLEN], trace[LP_TRACE_PARENT], parent[17];
    struct head_extras extras = {
        .client = address,
        .request_id = v->request_id,
        .from_proxy = peer_is_trusted(&d->shared->trusted, d->peer),
    };

    if (!find_trace(&head->fields)) {
        worker_random_hex(d->random, parent, 16);
        lp_trace_parent(v->trace_id, parent, trace);
        extras.trace = trace;
    }
    peer_text(client, address);
    stand_in(head, &extras, &authorization, v);
    head_forward(head, &extras, v->up_fields);
    lp_buf_str(v->up_target, v->upstream->base);
    lp_buf_str(v->up_target, *rest ? rest : "/");
    lp_buf_str(v->up_target, query);
}

static void decide_upstream(const struct decision *d, const struct lp_request_head *head,
                            const struct in6_addr *client, const char *rest, const char *query,
                            struct verdict *v)
{
    if (!v->upstream) {
        reply(v, REPLY_NOT_FOUND);
        return;
    }
    if (!rules_allow_method(&v->upstream->rules, head->method, head->method_len)) {
        refuse(v, 405, "method not allowed");
        v->lines = v->upstream->rules.allow;
        return;
    }
    if (head->body_length != 0 &&
        !rules_allow_type(&v->upstream->rules, lp_fields_find(&head->fields, "Content-Type"))) {
        refuse(v, 415, "content type not allowed");
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
    const char *rest = NULL;
    const struct gateway_upstream *upstream = target_upstream(&d->shared->routes, path, &rest);
    bool reads = lp_request_head_is(head, "GET") || lp_request_head_is(head, "HEAD");
    bool known = check_token(d, head, path, &claims, v);

    bool document = target_is_document(&d->shared->routes, path);
    if (known && reads && (document || target_is_health(path))) {
        reply(v, document ? REPLY_DOCUMENT : REPLY_HEALTH);
        return;
    }
    const char *subject = subject_of(claims);
    if (subject)
        learners_note(d->shared->learners, subject, strlen(subject), d->now);
    v->upstream = upstream;
    peer_client(&d->shared->trusted, d->peer, &head->fields, &client);
    if (within_rate(d, &client, subject, v) && known)
        decide_upstream(d, head, &client, rest, query, v);
    if (v->kind != VERDICT_FORWARD && !known)
        v->upstream = NULL; /* it has nothing to do with it */
}

void decide(const struct decision *d, const struct lp_request_head *head,
            struct verdict *io_verdict)
{
    lp_buf_reset(d->path);
    lp_buf_reset(d->query);
    io_verdict->origin = replies_origin(d->origins, lp_fields_find(&head->fields, "Origin"));
    take_request_id(d, head, io_verdict);
    take_trace(d, head, io_verdict);
    if (lp_request_head_is(head, "OPTIONS"))
        io_verdict->kind = VERDICT_PREFLIGHT;
    else if (!target_split(head->path, head->path_len, d->path, d->query))
        refuse(io_verdict, 400, "malformed request target");
    else if (target_is_doubtful(d->path->ptr))
        refuse(io_verdict, 400, "path with .. or a NUL");
    else if (lp_request_head_is(head, "HEAD") && head->body_length != 0)
        refuse(io_verdict, 400, "HEAD with a body");
    else if (lp_fields_count(&head->fields, "Authorization") > 1)
        refuse(io_verdict, 400, "more than one Authorization");
    else
        decide_path(d, head, d->path->ptr, d->query->ptr, io_verdict);
}
