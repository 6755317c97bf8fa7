/* test/unit/api_client.h -- who asks the API of api_fixture.h, and what is answered. */
#pragma once

#include "unit/api_fixture.h"

struct wish {
    const struct x509_pair *certificate;
    const char *method, *path;
    const char *headers[8];
};

struct reply {
    int status;
    char type[128], etag[128], body[16384];
};

static struct lp_http_client *client_as(const struct x509_pair *certificate)
{
    struct lp_http_client_options options = { .ca_pem = serving_ca.cert, .connect_to = host };
    struct lp_http_client *c = NULL;
    if (certificate) {
        options.cert_pem = certificate->cert;
        options.key_pem = certificate->key;
    }
    ok(lp_http_client_new(&options, &c, &err));
    return c;
}

static inline struct reply ask_over(struct lp_http_client *c, struct wish w)
{
    static struct reply reply;
    lp_auto_http_response struct lp_http_response got = LP_HTTP_RESPONSE_INIT;
    lp_auto_free char *where = lp_sprintf("%s%s", url, w.path ? w.path : METRIC);
    struct lp_http_request request = { .method = w.method ? w.method : "GET",
                                       .url = where,
                                       .headers = w.headers };
    ok(lp_http_do(c, &request, &got, &err));
    memset(&reply, 0, sizeof reply);
    reply.status = got.status;
    snprintf(reply.type, sizeof reply.type, "%s", got.content_type);
    snprintf(reply.etag, sizeof reply.etag, "%s", got.etag);
    snprintf(reply.body, sizeof reply.body, "%s", got.body.ptr);
    assert_int_equal(got.retry_after_ms, 0);
    return reply;
}

static inline struct reply ask(struct wish w)
{
    lp_auto_http_client struct lp_http_client *c = client_as(w.certificate);
    return ask_over(c, w);
}

static inline void expect(int status, const char *part, struct wish w)
{
    struct reply r = ask(w);
    if (r.status != status || !strstr(r.body, part))
        fail_msg("%d instead of %d: %s", r.status, status, r.body);
    if (status >= 400 && w.path == NULL)
        assert_non_null(strstr(r.body, "\"kind\":\"Status\""));
}

static inline struct wish as(const struct x509_pair *certificate, const char *user,
                             const char *group)
{
    return (struct wish){ .certificate = certificate, .headers = { user, group, NULL } };
}

static inline unsigned n_reviews(const char *what)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(1 << 20);
    unsigned n = 0;
    fake_kube_requests(kube, &b);
    for (const char *at = b.ptr; (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

static const struct fake_answer nothing[] = { FAKE_END };
