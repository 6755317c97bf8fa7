/* autoscaler/registration/x509.h -- one certificate with its key, by OpenSSL. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* PEM texts, the caller's. */
struct x509_pair {
    char *cert, *key;
};

struct x509_wish {
    const char *common_name;  /* at most 64 bytes */
    const char *names;        /* "DNS:a,DNS:b"; NULL: a CA */
    const char *organization; /* NULL: none */
    bool client;              /* for client authentication instead of server authentication */
    int64_t from_s, until_s;  /* seconds since 1970 */
};

/* A key on P-256 and its certificate, signed by `issuer` (NULL: by itself). LP_E_INTERNAL with
 * OpenSSL's reason. */
LP_MUST_USE int x509_make(const struct x509_wish *wish, const struct x509_pair *issuer,
                          struct x509_pair *ret_pair, struct lp_error *err);

/* The validity of the first certificate of a PEM text. False where there is none. */
bool x509_validity(const char *cert_pem, int64_t *ret_from_s, int64_t *ret_until_s);

/* Signed by `ca_pem`, for server authentication as `host`, with this key, at `now_s`. */
bool x509_serves(const char *cert_pem, const char *key_pem, const char *ca_pem, const char *host,
                 int64_t now_s);
