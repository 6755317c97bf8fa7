/* test/unit/ai_feedback_fixture.h -- the running service over HTTP, beside progress_stub.h. */
#pragma once

#include <string.h>

#include "http/client/client.h"
#include "json/json.h"
#include "unit/progress_stub.h"

static const struct spelling_files files = { .dialect = "any",
                                             .dictionaries = "/usr/share/hunspell",
                                             .model = "/usr/share/pocketsphinx/model/en-us" };

#define CONCURRENCY 4

static void note_port(void *user, uint16_t port, uint16_t metrics_port)
{
    (void)user;
    (void)metrics_port;
    pthread_mutex_lock(&t.lock);
    t.port = port;
    pthread_cond_broadcast(&t.changed);
    pthread_mutex_unlock(&t.lock);
}

static void *serve(void *user)
{
    struct lp_service service = ai_service(&t.ai);
    struct lp_service_config config = { .concurrency = CONCURRENCY,
                                        .queue_limit = 16,
                                        .deadline_ms = 20000,
                                        .log_level = "error",
                                        .log_hash_key = "" };
    struct lp_error err = { 0 };
    (void)user;
    service.started = note_port;
    t.result = lp_service_run(&service, &config, t.stop, &err);
    if (t.result < 0)
        note_port(NULL, 1, 0);
    return NULL;
}

#define SECRET "a secret that the tests share with themselves"
#define CALLER_KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

static void make_identities(void)
{
    const struct lp_identity_config owner = { .access = "Owner",
                                              .jwks_url = "",
                                              .secrets = SECRET,
                                              .keys_dir = "",
                                              .caller_ai_feedback = "",
                                              .caller_auth = "" };
    struct lp_identity_config any = owner;

    any.access = "Any";
    any.secrets = "";
    struct lp_error err;
    if (lp_identities_new(&owner, "ai-feedback", NULL, &t.owner, &err) < 0 ||
        lp_identities_new(&any, "ai-feedback", NULL, &t.any, &err) < 0 ||
        lp_caller_new("ai-feedback", CALLER_KEY, &t.caller, &err) < 0)
        fail_msg("%s", err.msg);
    t.ai.identities = t.any;
}

static int start(void **state)
{
    struct lp_http_server_options options = {
        .address = "127.0.0.1", .name = "progress", .max_body = 65536, .handler = take_activity
    };
    struct lp_error err;
    char url[64];
    (void)state;
    t.stop = lp_stop_new();
    if (lp_http_server_start(&options, &t.progress, &err) < 0)
        fail_msg("%s", err.msg);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", lp_http_server_port(t.progress));
    make_identities();
    if (spelling_new(&files, &t.ai.speller, &err) < 0 ||
        outbox_new(url, t.caller, &t.ai.outbox, &err) < 0)
        fail_msg("%s", err.msg);
    t.ai.streams = lp_streams_new(CONCURRENCY / 2);
    assert_int_equal(pthread_create(&t.thread, NULL, serve, NULL), 0);
    pthread_mutex_lock(&t.lock);
    while (t.port == 0)
        pthread_cond_wait(&t.changed, &t.lock);
    pthread_mutex_unlock(&t.lock);
    return 0;
}

static int finish(void **state)
{
    (void)state;
    lp_stop_request(t.stop);
    pthread_join(t.thread, NULL);
    outbox_finish(t.ai.outbox, 1000);
    outbox_free(t.ai.outbox);
    lp_streams_free(t.ai.streams);
    spelling_free(t.ai.speller);
    lp_identities_free(t.owner);
    lp_identities_free(t.any);
    lp_caller_free(t.caller);
    lp_http_server_stop(t.progress);
    lp_stop_free(t.stop);
    return t.result;
}

static const char *content_type = "Content-Type: application/json";
static char token_header[1024]; /* "Authorization: …" of the requests to come; "": none */

static int request(const char *method, const char *path, const char *body, size_t len, json_t **ret)
{
    const char *const headers[] = { content_type, "X-Request-Id: trace-me-1",
                                    *token_header ? token_header : NULL, NULL };
    lp_auto_http_response struct lp_http_response r = LP_HTTP_RESPONSE_INIT;
    lp_auto_http_client struct lp_http_client *c = NULL;
    struct lp_http_client_options o = { .total_timeout_ms = 60000 };
    char url[256];
    struct lp_http_request q = {
        .method = method, .url = url, .headers = headers, .body = body, .body_len = len
    };
    struct lp_error err;
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", t.port, path);
    assert_int_equal(lp_http_client_new(&o, &c, &err), 0);
    if (lp_http_do(c, &q, &r, &err) < 0)
        fail_msg("%s %s: %s", method, path, err.msg);
    *ret = json_loadb(r.body.ptr, r.body.len, 0, NULL);
    return r.status;
}

static int post(const char *body, json_t **ret)
{
    return request("POST", "/speech2text", body, strlen(body), ret);
}
