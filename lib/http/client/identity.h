/* lib/http/client/identity.h -- for lib/http/client/client.c: which CAs a TLS client trusts and
 * what it shows, parsed once for all connections. */
#pragma once

#include <stdbool.h>

struct lp_http_identity;
struct ssl_ctx_st; /* OpenSSL's SSL_CTX */

/* NULL where there is no `ca_pem` or something cannot be read: libcurl says what, when it is given
 * the text. `cert_pem` with its chain and `key_pem` may be NULL. */
struct lp_http_identity *lp_http_identity_new(const char *ca_pem, const char *cert_pem,
                                              const char *key_pem);
void lp_http_identity_free(struct lp_http_identity *id);

/* For a context without certificates; any thread. */
bool lp_http_identity_use(const struct lp_http_identity *id, struct ssl_ctx_st *ctx);
