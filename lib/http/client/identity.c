/* lib/http/client/identity.c -- reading a key and its certificates takes OpenSSL 3 longer than a
 * resumed handshake. No lock: what was parsed never changes, OpenSSL counts the references. */
#include "http/client/identity.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string.h>

#include "base/alloc.h"

struct lp_http_identity {
    X509_STORE *trusted;
    X509 *certificate; /* NULL: none is shown */
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
};

static STACK_OF(X509) * read_certificates(const char *pem)
{
    STACK_OF(X509) *all = sk_X509_new_null();
    BIO *text = BIO_new_mem_buf(pem, -1);
    X509 *one;

    while (all && text && (one = PEM_read_bio_X509(text, NULL, NULL, NULL)))
        if (sk_X509_push(all, one) <= 0)
            X509_free(one);
    BIO_free(text);
    return all;
}

/* As libcurl does: a certificate that is trusted need not be its own issuer. */
static bool read_trusted(struct lp_http_identity *id, const char *pem)
{
    STACK_OF(X509) *all = read_certificates(pem);
    bool good = sk_X509_num(all) > 0 && (id->trusted = X509_STORE_new());

    for (int i = 0; good && i < sk_X509_num(all); i++)
        good = X509_STORE_add_cert(id->trusted, sk_X509_value(all, i)) == 1;
    sk_X509_pop_free(all, X509_free);
    return good &&
           X509_STORE_set_flags(id->trusted, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
}

static int no_passphrase(char *buf, int size, int writing, void *user)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)user;
    return -1;
}

static bool read_shown(struct lp_http_identity *id, const char *cert_pem, const char *key_pem)
{
    BIO *text = BIO_new_mem_buf(key_pem, -1);

    id->chain = read_certificates(cert_pem);
    id->certificate = sk_X509_shift(id->chain);
    id->key = text ? PEM_read_bio_PrivateKey(text, NULL, no_passphrase, NULL) : NULL;
    BIO_free(text);
    return id->certificate && id->key && X509_check_private_key(id->certificate, id->key) == 1;
}

struct lp_http_identity *lp_http_identity_new(const char *ca_pem, const char *cert_pem,
                                              const char *key_pem)
{
    struct lp_http_identity *id = lp_alloc(sizeof *id);

    if (ca_pem && read_trusted(id, ca_pem) &&
        (!cert_pem || !key_pem || read_shown(id, cert_pem, key_pem)))
        return id;
    ERR_clear_error();
    lp_http_identity_free(id);
    return NULL;
}

void lp_http_identity_free(struct lp_http_identity *id)
{
    if (!id)
        return;
    X509_STORE_free(id->trusted);
    X509_free(id->certificate);
    sk_X509_pop_free(id->chain, X509_free);
    EVP_PKEY_free(id->key);
    free(id);
}

bool lp_http_identity_use(const struct lp_http_identity *id, struct ssl_ctx_st *ctx)
{
    SSL_CTX_set1_cert_store(ctx, id->trusted);
    return !id->certificate ||
           SSL_CTX_use_cert_and_key(ctx, id->certificate, id->key, id->chain, 1) == 1;
}
