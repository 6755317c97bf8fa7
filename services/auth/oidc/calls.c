/* Any thread, each with a client of its own. Redirects are not followed: a code and a secret go to
 * the endpoint that was published, and nowhere else. */
#include "services/auth/oidc/calls.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/clock.h"
#include "http/url.h"
#include "json/json.h"

#define CONNECT_MS 2000
#define CALL_MS 5000
#define URL_MAX 2048
#define FORM_MAX 16384

int calls_client(const struct oidc_settings *s, struct lp_http_client **ret_client,
                 struct lp_error *err)
{
    const struct lp_http_client_options options = {
        .connect_timeout_ms = CONNECT_MS,
        .total_timeout_ms = CALL_MS,
        .max_response = CALLS_MAX_ANSWER,
        .ca_pem = s->ca_pem[0] ? s->ca_pem : NULL,
    };
    return lp_http_client_new(&options, ret_client, err);
}

/* Sends, and reads what came as JSON; *ret_status is the answer's where it has come. */
static int ask(const struct calls *c, const char *what, struct lp_http_request *request,
               int *ret_status, json_t **ret_answer, struct lp_error *err)
{
    lp_auto_http_response struct lp_http_response answer = LP_HTTP_RESPONSE_INIT;
    int64_t left_ms = c->until_ms - lp_clock_ms();
    *ret_status = 0;
    if (left_ms <= 0)
        return lp_error_set(err, LP_E_TIMEOUT, "issuer: no time is left for its %s", what);
    request->total_timeout_ms = left_ms < CALL_MS ? left_ms : CALL_MS;
    int r = lp_http_do(c->client, request, &answer, err);
    if (r < 0)
        return lp_error_wrap(err, "issuer: %s", what);
    *ret_status = answer.status;
    if (answer.status == 429 || answer.status >= 500)
        return lp_error_set(err, LP_E_UNAVAILABLE, "issuer: %s answered %d", what, answer.status);
    r = lp_json_parse(answer.body.ptr, answer.body.len, CALLS_MAX_ANSWER, what, ret_answer, err);
    if (r == 0 && !json_is_object(*ret_answer)) {
        json_decref(lp_take(*ret_answer));
        return lp_error_set(err, LP_E_INVALID, "issuer: %s is not a JSON object", what);
    }
    if (r < 0)
        return lp_error_set(err, LP_E_INVALID, "issuer: %s answered %d, and no JSON", what,
                            answer.status);
    return 0;
}

static int get(const struct calls *c, const char *what, const char *url, const char *bearer,
               json_t **ret_answer, struct lp_error *err)
{
    json_auto_t *answer = NULL;
    const char *const headers[] = { "Accept: application/json", bearer, NULL };
    struct lp_http_request request = { .method = "GET", .url = url, .headers = headers };
    int status = 0;
    int r = ask(c, what, &request, &status, &answer, err);
    if (r < 0)
        return r;
    if (status != 200)
        return lp_error_set(err, LP_E_INVALID, "issuer: %s answered %d", what, status);
    *ret_answer = lp_take(answer);
    return 0;
}

static int check_endpoint(const struct calls *c, const json_t *document, const char *member,
                          bool required, struct lp_error *err)
{
    const json_t *value = json_object_get(document, member);
    const char *url = json_string_value(value);
    if (!value && !required)
        return 0;
    if (!url || strlen(url) >= URL_MAX || !oidc_url_is_safe(url, c->settings->allow_http))
        return lp_error_set(err, LP_E_INVALID, "issuer: its %s must be an https URL", member);
    return 0;
}

int calls_discover(const struct calls *c, json_t **ret_document, struct lp_error *err)
{
    static const char *const endpoints[] = { "authorization_endpoint", "token_endpoint", "jwks_uri",
                                             "userinfo_endpoint" };
    json_auto_t *document = NULL;
    const char *issuer = c->settings->issuer;
    size_t n = strlen(issuer);
    lp_auto_free char *url = lp_sprintf("%.*s/.well-known/openid-configuration",
                                        (int)(issuer[n - 1] == '/' ? n - 1 : n), issuer);
    int r = get(c, "discovery document", url, NULL, &document, err);
    if (r < 0)
        return r;
    const char *said = lp_json_str(document, "issuer", NULL);
    if (!said || strcmp(said, issuer) != 0)
        return lp_error_set(err, LP_E_INVALID,
                            "issuer: its document names another issuer than OIDC_ISSUER");
    for (size_t i = 0; r == 0 && i < LP_COUNT(endpoints); i++)
        r = check_endpoint(c, document, endpoints[i], i < 3, err);
    if (r == 0)
        *ret_document = lp_take(document);
    return r;
}

int calls_key_set(const struct calls *c, const json_t *document, json_t **ret_set,
                  struct lp_error *err)
{
    return get(c, "key set", lp_json_str(document, "jwks_uri", NULL), NULL, ret_set, err);
}

/* RFC 6749, 2.3.1: by Basic, whose default it is too where the issuer says nothing. */
static bool wants_basic(const json_t *document)
{
    const json_t *methods = json_object_get(document, "token_endpoint_auth_methods_supported");
    const json_t *method;
    bool post = false;
    size_t i;
    json_array_foreach(methods, i, method)
    {
        const char *name = json_string_value(method);
        if (name && strcmp(name, "client_secret_basic") == 0)
            return true;
        post = post || (name && strcmp(name, "client_secret_post") == 0);
    }
    return !post;
}

/* "Authorization: Basic …"; both parts are percent-encoded first. The caller's. */
static char *basic_header(const struct oidc_settings *s)
{
    lp_auto_buf struct lp_buf id = LP_BUF_INIT(FORM_MAX), secret = LP_BUF_INIT(FORM_MAX);
    lp_auto_buf struct lp_buf header = LP_BUF_INIT((size_t)4 * FORM_MAX);
    lp_url_segment(&id, s->client_id); /* begins with a slash */
    lp_url_segment(&secret, s->client_secret);
    lp_auto_free char *pair = lp_sprintf("%s:%s", id.ptr + 1, secret.ptr + 1);
    lp_buf_str(&header, "Authorization: Basic ");
    lp_base64_encode(pair, strlen(pair), &header);
    OPENSSL_cleanse(secret.ptr, secret.len);
    OPENSSL_cleanse(pair, strlen(pair));
    return lp_buf_take(&header);
}

/* What the issuer says of a code that it does not take (RFC 6749, 5.2). */
static int refusal(const json_t *answer, int status, struct lp_error *err)
{
    const char *error = lp_json_str(answer, "error", NULL);
    if (error && strcmp(error, "invalid_grant") == 0)
        return lp_error_set(err, LP_E_DENIED, "issuer: it does not take the code");
    return lp_error_set(err, LP_E_INVALID, "issuer: token endpoint answered %d (%.40s)", status,
                        error ? error : "no error code");
}

int calls_redeem(const struct calls *c, const json_t *document, const char *code,
                 const char *verifier, const char *redirect_url, json_t **ret_tokens,
                 struct lp_error *err)
{
    const struct oidc_settings *s = c->settings;
    bool secret = s->client_secret[0], basic = secret && wants_basic(document);
    lp_auto_buf struct lp_buf form = LP_BUF_INIT(FORM_MAX);
    lp_auto_free char *header = basic ? basic_header(s) : NULL;
    json_auto_t *answer = NULL;
    lp_url_query(&form, "grant_type", "authorization_code"); /* begins with a question mark */
    lp_url_query(&form, "code", code);
    lp_url_query(&form, "redirect_uri", redirect_url);
    lp_url_query(&form, "code_verifier", verifier);
    lp_url_query(&form, "client_id", basic ? NULL : s->client_id);
    lp_url_query(&form, "client_secret", secret && !basic ? s->client_secret : NULL);
    if (form.overflowed)
        return lp_error_set(err, LP_E_DENIED, "the code is too long");
    const char *const headers[] = { "Content-Type: application/x-www-form-urlencoded",
                                    "Accept: application/json", header, NULL };
    struct lp_http_request request = { .method = "POST",
                                       .url = lp_json_str(document, "token_endpoint", NULL),
                                       .headers = headers,
                                       .body = form.ptr + 1,
                                       .body_len = form.len - 1 };
    int status = 0;
    int r = ask(c, "token endpoint", &request, &status, &answer, err);
    if (header)
        OPENSSL_cleanse(header, strlen(header));
    if (r == 0 && status != 200)
        r = refusal(answer, status, err);
    if (r == 0 && !lp_json_str(answer, "id_token", NULL))
        r = lp_error_set(err, LP_E_INVALID, "issuer: token endpoint gave no id_token");
    if (r == 0)
        *ret_tokens = lp_take(answer);
    return r;
}

int calls_userinfo(const struct calls *c, const json_t *document, const char *access_token,
                   json_t **ret_claims, struct lp_error *err)
{
    if (access_token[strcspn(access_token, "\r\n")] != '\0' || strlen(access_token) > FORM_MAX)
        return lp_error_set(err, LP_E_INVALID, "issuer: its access token is none");
    lp_auto_free char *bearer = lp_sprintf("Authorization: Bearer %s", access_token);
    return get(c, "userinfo", lp_json_str(document, "userinfo_endpoint", NULL), bearer, ret_claims,
               err);
}
