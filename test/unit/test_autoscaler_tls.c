/* test/unit/test_autoscaler_tls.c -- the TLS of lib/http/server_tls.c, seen by an OpenSSL client:
 * versions, the request for a client certificate, many connections at a time. */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>

#include "autoscaler/x509.h"
#include "base/clock.h"
#include "http/server.h"
#include "json/json.h"
#include "unit/check.h"

#define PARALLEL 60

static struct x509_pair ca, leaf;
static struct lp_http_server *server;

static void hello(struct lp_http_exchange *x, void *user)
{
    (void)user;
    lp_http_reply_text(x, 200, lp_http_tls_session(x) ? "secret" : "plain");
}

static int start(void **state)
{
    struct lp_error err = { .msg = "?" };
    int64_t now = lp_clock_wall_ms() / 1000;
    const struct x509_wish of_ca = { .common_name = "ca",
                                     .from_s = now - 60,
                                     .until_s = now + 600 };
    const struct x509_wish of_leaf = {
        .common_name = "leaf", .names = "DNS:leaf", .from_s = now - 60, .until_s = now + 600
    };
    (void)state;
    lp_json_init();
    int r = x509_make(&of_ca, NULL, &ca, &err);
    if (r == 0)
        r = x509_make(&of_leaf, &ca, &leaf, &err);
    const struct lp_http_tls tls = { leaf.cert, leaf.key, ca.cert };
    const struct lp_http_server_options options = {
        .address = "127.0.0.1", .tls = &tls, .name = "test", .handler = hello
    };
    if (r == 0)
        r = lp_http_server_start(&options, &server, &err);
    if (r < 0)
        print_error("%s\n", err.msg);
    return r;
}

static int end(void **state)
{
    (void)state;
    lp_http_server_stop(server);
    free(ca.cert), free(ca.key), free(leaf.cert), free(leaf.key);
    return 0;
}

/* ---- a client ---- */

struct connection {
    int fd;
    SSL_CTX *ctx;
    SSL *ssl;
};

/* 0: no client certificate was asked for; else 1 and the number of CAs that were named. */
static int asked;
static int note_request(SSL *ssl, X509 **cert, EVP_PKEY **key)
{
    (void)cert, (void)key;
    const STACK_OF(X509_NAME) *names = SSL_get0_peer_CA_list(ssl);
    asked = 1 + (names ? sk_X509_NAME_num(names) : 0);
    return 0;
}

/* False where the handshake fails. */
static bool connect_with(struct connection *c, int max_version)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons(lp_http_server_port(server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const struct timeval limit = { .tv_sec = 20 };
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(c->fd >= 0);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(c->fd, (struct sockaddr *)&a, sizeof a), 0);
    c->ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(c->ctx, 0);
    SSL_CTX_set_min_proto_version(c->ctx, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(c->ctx, max_version);
    SSL_CTX_set_client_cert_cb(c->ctx, note_request);
    c->ssl = SSL_new(c->ctx);
    SSL_set_fd(c->ssl, c->fd);
    bool ok = SSL_connect(c->ssl) == 1;
    ERR_clear_error();
    return ok;
}

static void disconnect(struct connection *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->ctx);
    close(c->fd);
}

/* The status of the answer to a GET; the whole answer is read. */
static int get(struct connection *c)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: leaf\r\n\r\n";
    char text[1024] = "";
    int n = 0;
    assert_int_equal(SSL_write(c->ssl, request, (int)sizeof request - 1), sizeof request - 1);
    while (!strstr(text, "secret")) {
        int got = SSL_read(c->ssl, text + n, (int)sizeof text - 1 - n);
        if (got <= 0)
            fail_msg("no answer after \"%s\"", text);
        n += got;
        text[n] = '\0';
    }
    return strncmp(text, "HTTP/1.1 200", 12) == 0 ? 200 : 0;
}

/* ---- tests ---- */

static void takes_tls_1_2_and_1_3_and_nothing_older(void **state)
{
    static const struct {
        int version;
        bool want;
    } cases[] = {
        { TLS1_VERSION, false },
        { TLS1_1_VERSION, false },
        { TLS1_2_VERSION, true },
        { TLS1_3_VERSION, true },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct connection c;
        bool ok = connect_with(&c, cases[i].version);
        if (ok != cases[i].want)
            fail_msg("version %x", (unsigned)cases[i].version);
        if (ok) {
            assert_int_equal(SSL_version(c.ssl), cases[i].version);
            assert_int_equal(get(&c), 200);
        }
        disconnect(&c);
    }
}

/* kube-apiserver ignores the names of CAs; other Go clients would withhold their certificate. */
static void asks_for_any_client_certificate_and_does_without(void **state)
{
    struct connection c;
    (void)state;
    asked = 0;
    assert_true(connect_with(&c, TLS1_3_VERSION));
    assert_int_equal(asked, 1);
    assert_int_equal(get(&c), 200);
    disconnect(&c);
}

static void serves_sixty_connections_at_a_time(void **state)
{
    static struct connection all[PARALLEL];
    (void)state;
    for (size_t i = 0; i < PARALLEL; i++)
        assert_true(connect_with(&all[i], TLS1_3_VERSION));
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < PARALLEL; i++)
            assert_int_equal(get(&all[i]), 200);
    for (size_t i = 0; i < PARALLEL; i++)
        disconnect(&all[i]);
}

static void a_certificate_that_cannot_be_read_is_refused_and_the_old_one_stays(void **state)
{
    struct lp_error err = { .msg = "" };
    struct connection c;
    const struct lp_http_tls no_cert = { "nonsense", leaf.key, NULL };
    const struct lp_http_tls no_key = { leaf.cert, "nonsense", NULL };
    (void)state;
    assert_int_equal(lp_http_server_set_certificate(server, &no_cert, &err), LP_E_INVALID);
    assert_non_null(strstr(err.msg, "TLS certificate"));
    assert_int_equal(lp_http_server_set_certificate(server, &no_key, &err), LP_E_INVALID);
    assert_non_null(strstr(err.msg, "TLS key"));
    assert_true(connect_with(&c, TLS1_3_VERSION));
    disconnect(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_tls_1_2_and_1_3_and_nothing_older),
        cmocka_unit_test(asks_for_any_client_certificate_and_does_without),
        cmocka_unit_test(serves_sixty_connections_at_a_time),
        cmocka_unit_test(a_certificate_that_cannot_be_read_is_refused_and_the_old_one_stays),
    };
    return cmocka_run_group_tests_name("autoscaler_tls", tests, start, end);
}
