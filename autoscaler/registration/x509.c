/*
 * One certificate with its key, by OpenSSL. Threads: none of its own.
 */
#include "autoscaler/registration/x509.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"

#define auto_x509 __attribute__((cleanup(x509_free_indirect)))
#define auto_key __attribute__((cleanup(key_free_indirect)))
#define auto_bio __attribute__((cleanup(bio_free_indirect)))

static void x509_free_indirect(X509 **p)
{
    X509_free(*p);
}

static void key_free_indirect(EVP_PKEY **p)
{
    EVP_PKEY_free(*p);
}

static void bio_free_indirect(BIO **p)
{
    BIO_free(*p);
}

static int failed(const char *what, struct lp_error *err)
{
    char reason[160] = "no reason given";
    unsigned long code = ERR_peek_last_error();
    if (code != 0)
        ERR_error_string_n(code, reason, sizeof reason);
    ERR_clear_error();
    return lp_error_set(err, LP_E_INTERNAL, "certificate: %s: %s", what, reason);
}

static X509 *read_cert(const char *pem)
{
    auto_bio BIO *b = BIO_new_mem_buf(pem, -1);
    X509 *cert = b ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;
    ERR_clear_error();
    return cert;
}

static EVP_PKEY *read_key(const char *pem)
{
    auto_bio BIO *b = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = b ? PEM_read_bio_PrivateKey(b, NULL, NULL, NULL) : NULL;
    ERR_clear_error();
    return key;
}

static char *text_of(BIO *b)
{
    char *bytes;
    long n = BIO_get_mem_data(b, &bytes);
    return lp_strndup(bytes, n > 0 ? (size_t)n : 0);
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = e && X509_add_ext(cert, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

static bool add_extensions(X509 *cert, X509 *issuer, const struct x509_wish *wish)
{
    if (!wish->names)
        return add_extension(cert, issuer, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
               add_extension(cert, issuer, NID_key_usage, "critical,keyCertSign,cRLSign") &&
               add_extension(cert, issuer, NID_subject_key_identifier, "hash");
    return add_extension(cert, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(cert, issuer, NID_key_usage, "critical,digitalSignature") &&
           add_extension(cert, issuer, NID_ext_key_usage,
                         wish->client ? "clientAuth" : "serverAuth") &&
           add_extension(cert, issuer, NID_authority_key_identifier, "keyid") &&
           add_extension(cert, issuer, NID_subject_alt_name, wish->names);
}

static bool set_serial(X509 *cert)
{
    unsigned char bytes[16];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40); /* positive, and never short */
    BIGNUM *n = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
    BN_free(n);
    return ok;
}

static bool add_name(X509_NAME *name, const char *field, const char *value)
{
    return !value || X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                                (const unsigned char *)value, -1, -1, 0) == 1;
}

static bool fill(X509 *cert, EVP_PKEY *key, X509 *issuer, const struct x509_wish *wish)
{
    X509_NAME *name = X509_get_subject_name(cert);
    return X509_set_version(cert, 2) == 1 && set_serial(cert) &&
           ASN1_TIME_set(X509_getm_notBefore(cert), wish->from_s) &&
           ASN1_TIME_set(X509_getm_notAfter(cert), wish->until_s) &&
           X509_set_pubkey(cert, key) == 1 && add_name(name, "O", wish->organization) &&
           add_name(name, "CN", wish->common_name) &&
           X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1 &&
           add_extensions(cert, issuer, wish);
}

static int write_pair(X509 *cert, EVP_PKEY *key, struct x509_pair *ret_pair, struct lp_error *err)
{
    auto_bio BIO *cert_text = BIO_new(BIO_s_mem());
    auto_bio BIO *key_text = BIO_new(BIO_s_secmem());
    if (!cert_text || !key_text || PEM_write_bio_X509(cert_text, cert) != 1 ||
        PEM_write_bio_PKCS8PrivateKey(key_text, key, NULL, NULL, 0, NULL, NULL) != 1)
        return failed("writing PEM", err);
    ret_pair->cert = text_of(cert_text);
    ret_pair->key = text_of(key_text);
    return 0;
}

int x509_make(const struct x509_wish *wish, const struct x509_pair *issuer,
              struct x509_pair *ret_pair, struct lp_error *err)
{
    auto_key EVP_PKEY *key = EVP_EC_gen("P-256");
    auto_x509 X509 *cert = X509_new();
    auto_x509 X509 *ca = issuer ? read_cert(issuer->cert) : NULL;
    auto_key EVP_PKEY *ca_key = issuer ? read_key(issuer->key) : NULL;
    if (!key || !cert || (issuer && (!ca || !ca_key)))
        return failed("making a key, or reading the CA", err);
    if (!fill(cert, key, ca ? ca : cert, wish))
        return failed(wish->common_name, err);
    if (X509_sign(cert, ca_key ? ca_key : key, EVP_sha256()) == 0)
        return failed("signing", err);
    return write_pair(cert, key, ret_pair, err);
}

static bool seconds_of(const ASN1_TIME *t, int64_t *ret_s)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(t, &tm) != 1)
        return false;
    *ret_s = timegm(&tm);
    return true;
}

bool x509_validity(const char *cert_pem, int64_t *ret_from_s, int64_t *ret_until_s)
{
    auto_x509 X509 *cert = read_cert(cert_pem);
    return cert && seconds_of(X509_get0_notBefore(cert), ret_from_s) &&
           seconds_of(X509_get0_notAfter(cert), ret_until_s);
}

static bool verify(X509_STORE *store, X509_STORE_CTX *ctx, X509 *cert, X509 *ca, const char *host,
                   int64_t now_s)
{
    if (!store || !ctx || X509_STORE_add_cert(store, ca) != 1 ||
        X509_STORE_CTX_init(ctx, store, cert, NULL) != 1)
        return false;
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(param, now_s);
    return X509_VERIFY_PARAM_set1_host(param, host, 0) == 1 &&
           X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_SERVER) == 1 &&
           X509_verify_cert(ctx) == 1;
}

bool x509_serves(const char *cert_pem, const char *key_pem, const char *ca_pem, const char *host,
                 int64_t now_s)
{
    auto_x509 X509 *cert = read_cert(cert_pem);
    auto_x509 X509 *ca = read_cert(ca_pem);
    auto_key EVP_PKEY *key = read_key(key_pem);
    if (!cert || !ca || !key || X509_check_private_key(cert, key) != 1) {
        ERR_clear_error();
        return false;
    }
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    bool ok = verify(store, ctx, cert, ca, host, now_s);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    ERR_clear_error();
    return ok;
}
