/*
 * Threads: the keeper of chain.c only.
 */
#include "autoscaler/chain/chain_token.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "kube/request.h"

void chain_token_done(struct chain_token *t)
{
    free(t->text);
    *t = (struct chain_token){ 0 };
}

static int request(struct lp_kube_client *c, const char *ns, const char *account,
                   json_t **ret_answer, struct lp_error *err)
{
    LP_AUTO_PATH(path);
    lp_auto_http_response struct lp_http_response response = LP_HTTP_RESPONSE_INIT;
    json_auto_t *body =
        lp_json_make("{s:s,s:s,s:{s:i}}", "apiVersion", "authentication.k8s.io/v1", "kind",
                     "TokenRequest", "spec", "expirationSeconds", CHAIN_TOKEN_S);
    const struct lp_kube_call call = {
        .method = "POST", .path = &path, .content_type = "application/json", .body = body
    };
    lp_kube_path(&lp_kube_service_accounts, ns, account, "token", &path);
    int r = lp_kube_call(c, &call, &response, err);
    if (r < 0)
        return r;
    return lp_json_parse(response.body.ptr, response.body.len, LP_LIMIT_CONFIG_BYTES,
                         "TokenRequest", ret_answer, err);
}

static int token_store(struct chain_token *t, const json_t *answer, int64_t wall_ms,
                       struct lp_error *err)
{
    const char *text = lp_json_str(answer, "status", "token", NULL);
    const char *end = lp_json_str(answer, "status", "expirationTimestamp", NULL);
    int64_t end_ms = end ? lp_clock_parse(end) : -1;
    if (!text || !*text || strlen(text) > LP_LIMIT_TOKEN_BYTES || end_ms <= wall_ms ||
        strpbrk(text, "\r\n"))
        return lp_error_set(err, LP_E_UNAVAILABLE,
                            "status: holds no token, or one that has ended already");
    chain_token_done(t);
    t->text = lp_strdup(text);
    t->end_wall_ms = end_ms;
    t->renew_wall_ms = wall_ms + (end_ms - wall_ms) / 3 * 2;
    return 0;
}

int chain_token_renew(struct chain_token *t, struct lp_kube_client *c, const char *ns,
                      const char *account, bool refused, int64_t wall_ms, bool *ret_changed,
                      struct lp_error *err)
{
    json_auto_t *answer = NULL;
    *ret_changed = false;
    if (t->text && !refused && wall_ms < t->renew_wall_ms)
        return 0;
    int r = request(c, ns, account, &answer, err);
    if (r == 0)
        r = token_store(t, answer, wall_ms, err);
    if (r == 0) {
        *ret_changed = true;
        return 0;
    }
    if (t->text && wall_ms >= t->end_wall_ms) {
        chain_token_done(t);
        *ret_changed = true;
    }
    return lp_error_wrap(err, "a token of ServiceAccount %s/%s", ns, account);
}
