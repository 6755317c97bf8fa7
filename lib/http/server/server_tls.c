/*
 * The TLS part of server.c.
 *
 * libmicrohttpd asks the retrieve callback for a certificate at each handshake, which is what makes
 * replacing it without a restart possible. The callback is given the GnuTLS session and nothing of
 * ours, so the servers of the process stand in one list and the socket's local port tells which is
 * meant.
 *
 * A client certificate is requested where client_ca_pem is given (MHD_OPTION_HTTPS_MEM_TRUST does
 * that), never required, and not verified here: whoever relies on it verifies the chain in the
 * handler.
 *
 * Threads: handshakes run in the event loops, lp_http_tls_replace anywhere; `lock` stands between.
 * A session may go on using the certificate it was given, so replaced ones are freed with the
 * server.
 */
#include "http/server/server_tls.h"

#include <arpa/inet.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"

#define MAX_CHAIN 8

/* Of the ciphers that both sides have, the one that costs least: with a key of 128 bits, as Go's
 * servers choose too. */
#define PRIORITIES                                                                      \
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:" \
    "+CHACHA20-POLY1305:%SERVER_PRECEDENCE"

struct certificate {
    gnutls_pcert_st chain[MAX_CHAIN];
    unsigned n;
    gnutls_privkey_t key;
    struct certificate *older;
};

/* `newest` is what the next handshake gets; never NULL once made. */
struct lp_http_tls_state {
    struct certificate *newest;
    char *client_ca_pem;
    uint16_t port;
    struct lp_http_tls_state *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct lp_http_tls_state *listening;

static void certificate_free(struct certificate *c)
{
    for (unsigned i = 0; i < c->n; i++)
        gnutls_pcert_deinit(&c->chain[i]);
    if (c->key)
        gnutls_privkey_deinit(c->key);
    free(c);
}

static void certificate_free_indirect(struct certificate **c)
{
    if (*c)
        certificate_free(*c);
}

static gnutls_datum_t datum_of(const char *text)
{
    return (gnutls_datum_t){ .data = (unsigned char *)(uintptr_t)text,
                             .size = (unsigned)strlen(text) };
}

static int certificate_read(const struct lp_http_tls *tls, struct certificate **ret_certificate,
                            struct lp_error *err)
{
    __attribute__((cleanup(certificate_free_indirect))) struct certificate *c = lp_alloc(sizeof *c);
    if (!tls->cert_pem || !tls->key_pem)
        return lp_error_set(err, LP_E_INVALID, "TLS: certificate or key is missing");
    gnutls_datum_t cert = datum_of(tls->cert_pem), key = datum_of(tls->key_pem);

    unsigned n = MAX_CHAIN;
    int r = gnutls_pcert_list_import_x509_raw(c->chain, &n, &cert, GNUTLS_X509_FMT_PEM,
                                              GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);
    if (r < 0)
        return lp_error_set(err, LP_E_INVALID, "TLS certificate: %s", gnutls_strerror(r));
    c->n = n;
    r = gnutls_privkey_init(&c->key);
    if (r < 0)
        return lp_error_set(err, LP_E_INTERNAL, "TLS key: %s", gnutls_strerror(r));
    r = gnutls_privkey_import_x509_raw(c->key, &key, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (r < 0)
        return lp_error_set(err, LP_E_INVALID, "TLS key: %s", gnutls_strerror(r));
    *ret_certificate = lp_take(c);
    return 0;
}

int lp_http_tls_new(const struct lp_http_tls *tls, struct lp_http_tls_state **ret_tls,
                    struct lp_error *err)
{
    struct certificate *c;
    int r = certificate_read(tls, &c, err);
    if (r < 0)
        return r;
    struct lp_http_tls_state *t = lp_alloc(sizeof *t);
    t->newest = c;
    t->client_ca_pem = lp_strdup(tls->client_ca_pem);
    *ret_tls = t;
    return 0;
}

static uint16_t local_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } address = { 0 };
    socklen_t len = sizeof address;
    if (getsockname(fd, &address.any, &len) < 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.in6.sin6_port : address.in.sin_port);
}

static int retrieve(gnutls_session_t session, const gnutls_datum_t *ca_names, int n_ca_names,
                    const gnutls_pk_algorithm_t *algorithms, int n_algorithms,
                    gnutls_pcert_st **ret_chain, unsigned *ret_n, gnutls_privkey_t *ret_key)
{
    (void)ca_names, (void)n_ca_names, (void)algorithms, (void)n_algorithms;
    /* The names of CAs that we might know would keep clients from showing what we ask to see. */
    gnutls_certificate_send_x509_rdn_sequence(session, 1);
    uint16_t port = local_port(gnutls_transport_get_int(session));
    int r = -1;
    pthread_mutex_lock(&lock);
    for (struct lp_http_tls_state *t = listening; t; t = t->next)
        if (t->port == port) {
            *ret_chain = t->newest->chain;
            *ret_n = t->newest->n;
            *ret_key = t->newest->key;
            r = 0;
            break;
        }
    pthread_mutex_unlock(&lock);
    return r;
}

void lp_http_tls_options(struct lp_http_tls_state *t,
                         struct MHD_OptionItem ret_options[LP_HTTP_TLS_OPTIONS])
{
    unsigned n = 0;
    ret_options[n++] =
        (struct MHD_OptionItem){ MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(intptr_t)retrieve };
    ret_options[n++] =
        (struct MHD_OptionItem){ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)PRIORITIES };
    if (t->client_ca_pem)
        ret_options[n++] =
            (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_TRUST, 0, t->client_ca_pem };
    ret_options[n] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
}

void lp_http_tls_listening(struct lp_http_tls_state *t, uint16_t port)
{
    pthread_mutex_lock(&lock);
    t->port = port;
    t->next = listening;
    listening = t;
    pthread_mutex_unlock(&lock);
}

int lp_http_tls_replace(struct lp_http_tls_state *t, const struct lp_http_tls *tls,
                        struct lp_error *err)
{
    struct certificate *c;
    int r = certificate_read(tls, &c, err);
    if (r < 0)
        return r;
    pthread_mutex_lock(&lock);
    c->older = t->newest;
    t->newest = c;
    pthread_mutex_unlock(&lock);
    return 0;
}

void lp_http_tls_free(struct lp_http_tls_state *t)
{
    if (!t)
        return;
    pthread_mutex_lock(&lock);
    for (struct lp_http_tls_state **p = &listening; *p; p = &(*p)->next)
        if (*p == t) {
            *p = t->next;
            break;
        }
    pthread_mutex_unlock(&lock);
    for (struct certificate *c = t->newest, *older; c; c = older) {
        older = c->older;
        certificate_free(c);
    }
    free(t->client_ca_pem);
    free(t);
}
