/* test/unit/test_autoscaler_tls.c -- the TLS of lib/http/server/server_tls.c, seen by an OpenSSL
 * client: versions, the request for a client certificate, many connections at a time. */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "autoscaler/registration/x509.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "http/server/server.h"
#include "json/json.h"
#include "unit/check.h"

#define PARALLEL 60
#define RECORD 16384
#define LARGE (5u << 20) /* more than socket buffers hold */

static struct x509_pair ca, leaf;
static struct lp_http_server *server;

/* /N: N bytes. */
static void hello(struct lp_http_exchange *x, void *user)
{
    unsigned long n = strtoul(lp_http_path(x) + 1, NULL, 10);
    (void)user;
    if (n > 0) {
        lp_auto_free char *text = lp_alloc(n);
        memset(text, 'x', n);
        lp_http_reply(x, 200, NULL, text, n);
        return;
    }
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

static void connect_to(struct connection *c, const struct lp_http_server *to)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons(lp_http_server_port(to)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const struct timeval limit = { .tv_sec = 20 };
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(c->fd >= 0);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(c->fd, (struct sockaddr *)&a, sizeof a), 0);
}

/* False where the handshake fails. */
static bool shake_hands(struct connection *c, int max_version)
{
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

static bool connect_with(struct connection *c, int max_version)
{
    connect_to(c, server);
    return shake_hands(c, max_version);
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

static void ask(struct connection *c, const char *method, size_t n)
{
    lp_auto_free char *request = lp_sprintf("%s /%zu HTTP/1.1\r\nHost: leaf\r\n\r\n", method, n);
    int len = (int)strlen(request);
    assert_int_equal(SSL_write(c->ssl, request, len), len);
}

/* Reads one answer, with as many bytes of body as its headers tell. */
static size_t body_length(struct connection *c, bool has_body)
{
    static char text[RECORD];
    int n = 0;
    char *end = NULL;
    while (!end) {
        int got = SSL_read(c->ssl, text + n, 1); /* no more than the headers */
        if (got != 1)
            fail_msg("no answer after \"%.*s\"", n, text);
        text[++n] = '\0';
        end = strstr(text, "\r\n\r\n");
    }
    const char *length = strstr(text, "Content-Length: ");
    size_t want = length ? strtoul(length + 16, NULL, 10) : 0, have = 0;
    while (has_body && have < want) {
        size_t part = want - have < sizeof text ? want - have : sizeof text;
        int got = SSL_read(c->ssl, text, (int)part);
        if (got <= 0)
            fail_msg("%zu of %zu bytes", have, want);
        have += (size_t)got;
    }
    return want;
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

static void an_answer_of_any_length_arrives_whole(void **state)
{
    static const size_t lengths[] = { 1,          100,   RECORD - 1, RECORD,
                                      RECORD + 1, 65536, 3 * RECORD, LARGE };
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    (void)state;
    for (size_t v = 0; v < LP_COUNT(versions); v++) {
        struct connection c;
        assert_true(connect_with(&c, versions[v]));
        for (size_t i = 0; i < LP_COUNT(lengths); i++) {
            ask(&c, "GET", lengths[i]);
            assert_int_equal(body_length(&c, true), lengths[i]);
            ask(&c, "HEAD", lengths[i]);
            assert_int_equal(body_length(&c, false), lengths[i]);
        }
        disconnect(&c);
    }
}

static void requests_that_come_in_one_piece_are_all_answered(void **state)
{
    const int on = 1, off = 0;
    struct connection c;
    (void)state;
    assert_true(connect_with(&c, TLS1_3_VERSION));
    setsockopt(c.fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
    for (size_t i = 1; i <= 8; i++)
        ask(&c, "GET", i * 1000);
    setsockopt(c.fd, IPPROTO_TCP, TCP_CORK, &off, sizeof off);
    for (size_t i = 1; i <= 8; i++)
        assert_int_equal(body_length(&c, true), i * 1000);
    disconnect(&c);
}

static void a_client_that_ends_is_let_go(void **state)
{
    struct connection c;
    char byte;
    (void)state;
    assert_true(connect_with(&c, TLS1_3_VERSION));
    ask(&c, "GET", 10);
    SSL_shutdown(c.ssl);
    shutdown(c.fd, SHUT_WR);
    assert_int_equal(body_length(&c, true), 10);
    struct pollfd p = { .fd = c.fd, .events = POLLIN };
    do /* well before the server's own time-outs */
        assert_int_equal(poll(&p, 1, 10000), 1);
    while (recv(c.fd, &byte, 1, 0) > 0);
    disconnect(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_tls_1_2_and_1_3_and_nothing_older),
        cmocka_unit_test(asks_for_any_client_certificate_and_does_without),
        cmocka_unit_test(serves_sixty_connections_at_a_time),
        cmocka_unit_test(an_answer_of_any_length_arrives_whole),
        cmocka_unit_test(requests_that_come_in_one_piece_are_all_answered),
        cmocka_unit_test(a_client_that_ends_is_let_go),
        cmocka_unit_test(a_certificate_that_cannot_be_read_is_refused_and_the_old_one_stays),
    };
    return cmocka_run_group_tests_name("autoscaler_tls", tests, start, end);
}
