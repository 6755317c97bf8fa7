/* A client per call: exports and erasures are rare. Any thread. */
#include "services/auth/learners/peer.h"

#include "base/alloc.h"
#include "http/client/client.h"
#include "http/url.h"
#include "json/json.h"
#include "service/identity.h"

#define AUDIENCE "progress"
#define TOTAL_MS 20000
#define URL_MAX 4096

struct peer {
    const char *url;
    struct lp_caller *caller; /* NULL: without a token */
};

int peer_new(const char *url, const char *key, struct peer **ret_peer, struct lp_error *err)
{
    struct peer *p = lp_alloc(sizeof *p);
    p->url = url;
    int r = key[0] ? lp_caller_new("auth", key, &p->caller, err) : 0;
    if (r < 0) {
        peer_free(p);
        return r;
    }
    *ret_peer = p;
    return 0;
}

void peer_free(struct peer *p)
{
    if (!p)
        return;
    lp_caller_free(p->caller);
    free(p);
}

/* Fails too for any status but 200. */
static int call(const struct peer *p, const char *method, const char *user_id,
                struct lp_http_response *ret_response, struct lp_error *err)
{
    const struct lp_http_client_options options = { .total_timeout_ms = TOTAL_MS,
                                                    .max_response = PEER_MAX_ANSWER };
    lp_auto_http_client struct lp_http_client *client = NULL;
    lp_auto_buf struct lp_buf url = LP_BUF_INIT(URL_MAX);
    lp_auto_free char *token = NULL;
    lp_buf_str(&url, p->url);
    lp_buf_str(&url, "/api/progress/data");
    lp_url_segment(&url, user_id);
    int r = lp_http_client_new(&options, &client, err);
    if (r == 0 && p->caller)
        r = lp_caller_header(p->caller, AUDIENCE, &token, err);
    if (r < 0)
        return r;
    const char *const headers[] = { token, NULL };
    const struct lp_http_request request = { .method = method, .url = url.ptr, .headers = headers };
    r = lp_http_do(client, &request, ret_response, err);
    if (r == 0 && ret_response->status != 200)
        return lp_error_set(err, LP_E_UNAVAILABLE, "progress service: %s answered %d", method,
                            ret_response->status);
    return r;
}

int peer_export(const struct peer *p, const char *user_id, json_t **ret_data, struct lp_error *err)
{
    lp_auto_http_response struct lp_http_response response = LP_HTTP_RESPONSE_INIT;
    if (!p->url[0]) {
        *ret_data = json_null();
        return 0;
    }
    int r = call(p, "GET", user_id, &response, err);
    if (r < 0)
        return r;
    return lp_json_parse(response.body.ptr, response.body.len, PEER_MAX_ANSWER, "progress service",
                         ret_data, err);
}

int peer_erase(const struct peer *p, const char *user_id, struct lp_error *err)
{
    lp_auto_http_response struct lp_http_response response = LP_HTTP_RESPONSE_INIT;
    return p->url[0] ? call(p, "DELETE", user_id, &response, err) : 0;
}
