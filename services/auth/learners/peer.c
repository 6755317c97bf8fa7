/* A client per call: exports and erasures are rare. Any thread. */
#include "services/auth/learners/peer.h"

#include "base/alloc.h"
#include "http/client/client.h"
#include "http/url.h"
#include "json/json.h"
#include "service/awaited.h"
#include "service/identity.h"

#define TOTAL_MS 20000
#define URL_MAX 4096

/* In the order in which they are asked: who writes what goes before who keeps it. */
enum { AI_FEEDBACK, PROGRESS, LEARNING, SERVICES };

static const struct {
    const char *audience, *path, *member;
} services[SERVICES] = {
    [AI_FEEDBACK] = { "ai-feedback", "/data", "ai_feedback" },
    [PROGRESS] = { "progress", "/api/progress/data", "progress" },
    [LEARNING] = { "learning", "/api/reasoning/data", "learning" },
};

struct peer {
    const char *urls[SERVICES];
    struct lp_caller *caller; /* NULL: without a token */
};

int peer_new(const struct peer_options *options, struct peer **ret_peer, struct lp_error *err)
{
    struct peer *p = lp_alloc(sizeof *p);
    p->urls[AI_FEEDBACK] = options->ai_url;
    p->urls[PROGRESS] = options->progress_url;
    p->urls[LEARNING] = options->learning_url;
    for (unsigned i = 0; i < SERVICES; i++)
        lp_awaited_announce(services[i].audience);
    int r = options->key[0] ? lp_caller_new("auth", options->key, &p->caller, err) : 0;
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

bool peer_has_learning(const struct peer *p)
{
    return p->urls[LEARNING][0] != '\0';
}

/* Fails too for any status but 200. */
static int call(const struct peer *p, unsigned service, const char *method, const char *user_id,
                struct lp_http_response *ret_response, struct lp_error *err)
{
    const struct lp_http_client_options options = { .total_timeout_ms = TOTAL_MS,
                                                    .max_response = PEER_MAX_ANSWER };
    lp_auto_http_client struct lp_http_client *client = NULL;
    lp_auto_buf struct lp_buf url = LP_BUF_INIT(URL_MAX);
    lp_auto_free char *token = NULL;
    lp_buf_str(&url, p->urls[service]);
    lp_buf_str(&url, services[service].path);
    lp_url_segment(&url, user_id);
    int r = lp_http_client_new(&options, &client, err);
    if (r == 0 && p->caller)
        r = lp_caller_header(p->caller, services[service].audience, &token, err);
    if (r < 0)
        return r;
    const char *const headers[] = { token, NULL };
    const struct lp_http_request request = { .method = method, .url = url.ptr, .headers = headers };
    r = lp_http_do(client, &request, ret_response, err);
    lp_awaited_note(services[service].audience, r == 0);
    if (r == 0 && ret_response->status != 200)
        return lp_error_set(err, LP_E_UNAVAILABLE, "%s service: %s answered %d",
                            services[service].audience, method, ret_response->status);
    return r;
}

static int export_of(const struct peer *p, unsigned service, const char *user_id, json_t *io_data,
                     struct lp_error *err)
{
    lp_auto_http_response struct lp_http_response response = LP_HTTP_RESPONSE_INIT;
    json_t *part = NULL;
    int r = call(p, service, "GET", user_id, &response, err);
    if (r == 0)
        r = lp_json_parse(response.body.ptr, response.body.len, PEER_MAX_ANSWER,
                          services[service].audience, &part, err);
    if (r == 0)
        json_object_set_new(io_data, services[service].member, part);
    return r;
}

int peer_export(const struct peer *p, const char *user_id, json_t *io_data, struct lp_error *err)
{
    int r = 0;
    for (unsigned i = 0; i < SERVICES && r == 0; i++) {
        if (p->urls[i][0])
            r = export_of(p, i, user_id, io_data, err);
        else
            json_object_set_new(io_data, services[i].member, json_null());
    }
    return r;
}

int peer_erase(const struct peer *p, const char *user_id, struct lp_error *err)
{
    int r = 0;
    for (unsigned i = 0; i < SERVICES && r == 0; i++) {
        lp_auto_http_response struct lp_http_response response = LP_HTTP_RESPONSE_INIT;
        r = p->urls[i][0] ? call(p, i, "DELETE", user_id, &response, err) : 0;
    }
    return r;
}
