/* lib/kube/request.c -- puts address and credentials to a request, and sends it again where that
 * helps: once after a 401 with fresh credentials, and after 429 when Retry-After has passed. One
 * client, one thread. */
#include "kube/request.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "http/url.h"
#include "json/json.h"
#include "kube/auth.h"
#include "metrics/metrics.h"

#define RETRIES_429 3
#define RETRIES_429_MS 10000

struct lp_kube_client {
    struct lp_kube_config *config;
    struct lp_stop *stop;
    char *user_agent;
    const char *audit_id; /* NULL: none */
    struct lp_kube_limits limits;
    int64_t (*writes_until_ms)(void *user);
    void *fence_user;
    struct lp_http_client *http; /* made for `generation` of the credentials */
    unsigned generation;
    int64_t good_ms; /* when its connection was last known to be good: it was new, or answered */
};

int lp_kube_client_new_with(struct lp_kube_config *config,
                            const struct lp_kube_client_options *options,
                            const struct lp_kube_limits *limits, struct lp_kube_client **ret_client,
                            struct lp_error *err)
{
    struct lp_kube_client *c = lp_alloc(sizeof *c);

    (void)err; /* the connection is made at the first request */
    c->config = config;
    c->stop = options->stop;
    c->user_agent = lp_strdup(options->user_agent ? options->user_agent : config->user_agent);
    c->limits = *limits;
    c->writes_until_ms = options->writes_until_ms;
    c->fence_user = options->fence_user;
    *ret_client = c;
    return 0;
}

int lp_kube_client_new(struct lp_kube_config *config, const struct lp_kube_client_options *options,
                       struct lp_kube_client **ret_client, struct lp_error *err)
{
    struct lp_kube_limits limits = { .total_timeout_ms = options->total_timeout_ms };
    return lp_kube_client_new_with(config, options, &limits, ret_client, err);
}

void lp_kube_client_free(struct lp_kube_client *c)
{
    if (!c)
        return;
    lp_http_client_free(c->http);
    free(c->user_agent);
    free(c);
}

int64_t lp_kube_unanswered_ms(const struct lp_kube_client *c)
{
    return atomic_load(&c->config->unanswered_ms);
}

void lp_kube_client_audit_id(struct lp_kube_client *c, const char *id)
{
    c->audit_id = id;
}

/* "host:port" of the server's URL. */
static char *server_peer(const char *server)
{
    const char *host = strstr(server, "://") + 3;
    const char *port = strncmp(server, "https", 5) == 0 ? ":443" : ":80";
    size_t n = strcspn(host, "/");
    const char *after = memchr(host, ']', n) ? memchr(host, ']', n) : host;

    if (memchr(after, ':', n - (size_t)(after - host)))
        port = "";
    return lp_sprintf("%.*s%s", (int)n, host, port);
}

/* What left another request without an answer may have swallowed our idle connection too. Else each
 * client of a process would spend a time-out of its own on finding that out. */
static bool in_doubt(const struct lp_kube_client *c)
{
    return !c->limits.multiplex && lp_kube_unanswered_ms(c) >= c->good_ms;
}

/* A new HTTP client, unless there is one for the credentials in use that can be trusted. */
static int refresh_http(struct lp_kube_client *c, unsigned generation, struct lp_error *err)
{
    struct lp_kube_config *config = c->config;
    lp_auto_free char *peer = config->tls_server_name ? server_peer(config->server) : NULL;

    if (c->http && c->generation == generation && !in_doubt(c))
        return 0;
    lp_http_client_free(c->http);
    c->http = NULL;
    pthread_mutex_lock(&config->lock);
    struct lp_http_client_options options = {
        .idle_timeout_ms = c->limits.idle_timeout_ms,
        .total_timeout_ms = c->limits.total_timeout_ms,
        .max_response = LP_LIMIT_KUBE_LIST,
        .user_agent = c->user_agent,
        .ca_pem = config->ca_pem,
        .cert_pem = config->cert_pem,
        .key_pem = config->key_pem,
        .insecure_skip_verify = config->insecure,
        .share = config->share,
        .multiplex = c->limits.multiplex,
        .proxy = config->proxy,
        .no_proxy = config->no_proxy,
        .connect_to = peer,
        .stop = c->stop,
    };
    int r = lp_http_client_new(&options, &c->http, err);
    c->generation = config->generation;
    c->good_ms = lp_clock_ms();
    pthread_mutex_unlock(&config->lock);
    return r;
}

void lp_kube_path(const struct lp_kube_kind *kind, const char *ns, const char *name,
                  const char *subresource, struct lp_buf *b)
{
    lp_buf_str(b, *kind->group ? "/apis" : "/api");
    if (*kind->group)
        lp_url_segment(b, kind->group);
    lp_url_segment(b, kind->version);
    if (ns && !kind->cluster_scoped) {
        lp_url_segment(b, "namespaces");
        lp_url_segment(b, ns);
    }
    lp_url_segment(b, kind->plural);
    if (name)
        lp_url_segment(b, name);
    if (subresource && *subresource)
        lp_url_segment(b, subresource);
}

/* With tls-server-name that name stands in the host's place, and the client connects to the real
 * one. */
static int make_url(const struct lp_kube_client *c, const struct lp_buf *path, struct lp_buf *url,
                    struct lp_error *err)
{
    const struct lp_kube_config *config = c->config;
    const char *host = strstr(config->server, "://") + 3;

    if (config->tls_server_name) {
        lp_auto_free char *peer = server_peer(config->server);
        lp_buf_add(url, config->server, (size_t)(host - config->server));
        lp_buf_str(url, config->tls_server_name);
        lp_buf_str(url, strrchr(peer, ':'));
        lp_buf_str(url, host + strcspn(host, "/"));
    } else {
        lp_buf_str(url, config->server);
    }
    lp_buf_add(url, path->ptr, path->len);
    if (url->overflowed || path->overflowed)
        return lp_error_set(err, LP_E_TOO_LARGE, "URL over %zu bytes", url->max);
    return 0;
}

/* A write is bound by the fence. */
static int set_end(const struct lp_kube_client *c, const struct lp_kube_call *call,
                   struct lp_http_request *request, struct lp_error *err)
{
    request->until_ms = call->until_ms;
    request->until_user = call->user;
    if (!c->writes_until_ms || strcmp(call->method, "GET") == 0)
        return 0;
    request->until_ms = c->writes_until_ms;
    request->until_user = c->fence_user;
    if (lp_clock_ms() >= c->writes_until_ms(c->fence_user))
        return lp_error_set(err, LP_E_UNAVAILABLE, "not sent: the lease is not held");
    return 0;
}

/* One try with the credentials of now; `ret_token` gets the token that was sent (the caller's). */
static int try_once(struct lp_kube_client *c, const struct lp_kube_call *call, const char *url,
                    const struct lp_buf *body, const char *refused, char **ret_token,
                    struct lp_http_response *response, struct lp_error *err)
{
    lp_auto_kube_credentials struct lp_kube_credentials who = { .token = NULL };
    int r = lp_kube_auth_get(c->config, refused, c->stop, &who, err);

    if (r == 0)
        r = refresh_http(c, who.generation, err);
    if (r < 0)
        return r;
    lp_auto_free char *bearer =
        who.token ? lp_sprintf("Authorization: Bearer %s", who.token) : NULL;
    lp_auto_free char *type = lp_sprintf("Content-Type: %s", call->content_type);
    lp_auto_free char *audit = c->audit_id
                                   ? lp_sprintf("Audit-ID: %.48s-%u", c->audit_id,
                                                atomic_fetch_add(&c->config->audit_n, 1) + 1)
                                   : NULL;
    size_t n = 0, others = 0;
    while (c->config->impersonate && c->config->impersonate[others])
        others++;
    lp_auto_free const char **headers = lp_calloc(others + 5, sizeof(char *));
    headers[n++] = "Accept: application/json";
    for (size_t i = 0; i < others; i++)
        headers[n++] = c->config->impersonate[i];
    if (call->body)
        headers[n++] = type;
    if (bearer)
        headers[n++] = bearer;
    if (audit)
        headers[n] = audit;
    struct lp_http_request request = {
        .method = call->method,
        .url = url,
        .headers = headers,
        .body = call->body ? body->ptr : NULL,
        .body_len = body->len,
        .total_timeout_ms = call->total_timeout_ms,
    };
    if ((r = set_end(c, call, &request, err)) < 0)
        return r;
    *ret_token = lp_take(who.token);
    int64_t begun = lp_clock_ms();
    r = lp_http_stream(c->http, &request, call->sink, call->user, response, err);
    if (r == LP_E_TIMEOUT && response->status == 0)
        atomic_store(&c->config->unanswered_ms, begun);
    if (response->status != 0)
        c->good_ms = lp_clock_ms();
    return r;
}

/* True after the wait that a 429 asks for; false where it asks for too much, or the stop came. */
static bool wait_for_retry(struct lp_kube_client *c, int after_ms, int64_t deadline_ms)
{
    if (after_ms <= 0 || lp_clock_ms() + after_ms > deadline_ms)
        return false;
    if (c->stop)
        return !lp_stop_wait(c->stop, after_ms);
    struct timespec end = lp_clock_deadline(after_ms);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR)
        ;
    return true;
}

/* As client-go counts: code is "<error>" where no answer came. */
static void count_request(const struct lp_kube_client *c, const struct lp_kube_call *call,
                          int status)
{
    struct lp_metric_family *f = lp_metric_family(
        LP_METRIC_COUNTER, "rest_client_requests_total",
        "Requests to the API server by code, method and host.", "code,method,host", NULL, 0);
    char code[16] = "<error>", host[128];
    const char *at = strstr(c->config->server, "://") + 3;

    snprintf(host, sizeof host, "%.*s", (int)strcspn(at, "/"), at);

    if (status > 0)
        snprintf(code, sizeof code, "%d", status);
    lp_metric_add(lp_metric_with(f, code, call->method, host), 1);
}

static int send_until_taken(struct lp_kube_client *c, const struct lp_kube_call *call,
                            const char *url, const struct lp_buf *body,
                            struct lp_http_response *response, struct lp_error *err)
{
    int64_t deadline = lp_clock_ms() + RETRIES_429_MS;
    lp_auto_free char *token = NULL, *refused = NULL;

    for (int waits = 0;;) {
        free(lp_take(token));
        int r = try_once(c, call, url, body, refused, &token, response, err);
        count_request(c, call, response->status);
        if (r < 0)
            return r;
        if (response->status / 100 == 2)
            return 0;
        if (response->status == 401 && !refused && lp_kube_auth_renewable(c->config)) {
            refused = token ? lp_take(token) : lp_strdup("");
            continue;
        }
        if (response->status == 429 && waits++ < RETRIES_429 &&
            wait_for_retry(c, response->retry_after_ms, deadline))
            continue;
        return lp_kube_status_error(response, err);
    }
}

int lp_kube_call(struct lp_kube_client *c, const struct lp_kube_call *call,
                 struct lp_http_response *response, struct lp_error *err)
{
    lp_auto_buf struct lp_buf url = LP_BUF_INIT(LP_LIMIT_HTTP_TARGET << 1);
    lp_auto_buf struct lp_buf body = LP_BUF_INIT(LP_LIMIT_KUBE_OBJECT);

    int r = make_url(c, call->path, &url, err);
    if (r == 0 && call->body) {
        lp_json_write_unsorted(call->body, &body);
        if (body.overflowed)
            r = lp_error_set(err, LP_E_TOO_LARGE, "body over %zu bytes", body.max);
    }
    if (r == 0)
        r = send_until_taken(c, call, url.ptr, &body, response, err);
    if (r < 0)
        lp_error_wrap(err, "%s %.*s", call->method, (int)strcspn(call->path->ptr, "?"),
                      call->path->ptr);
    return r;
}
