/* autoscaler/auth/trust.h -- the CAs and names that kube-apiserver trusts: ConfigMap
 * extension-apiserver-authentication. */
#pragma once

#include <gnutls/gnutls.h>
#include <jansson.h>
#include <stdbool.h>

#include "autoscaler/auth/user.h"
#include "base/error.h"

#define TRUST_NAMES 32 /* header names or allowed names of one kind */

/* Read from the ConfigMap, does not change; counted references, any thread. */
struct trust;

/*
 * requestheader-client-ca-file, -allowed-names, -username-headers, -group-headers, -uid-headers,
 * -extra-headers-prefix and client-ca-file of its data; absent header names are X-Remote-User,
 * -Group, -Uid, -Extra-. LP_E_INVALID names the key that cannot be read.
 */
LP_MUST_USE int trust_parse(const json_t *config_map, struct trust **ret_trust,
                            struct lp_error *err);
void trust_ref(void *trust);
void trust_unref(void *trust); /* NULL is fine */

/* What a client certificate makes of its bearer. Counted references. */
struct peer {
    unsigned refs;
    bool front_proxy;    /* may say by headers which user asks */
    struct user *client; /* by client-ca-file: CN and O; NULL: none */
};
void peer_ref(void *peer);
void peer_unref(void *peer);

/* Verifies the chain (DER, leaf first) for client authentication, now. Never NULL, the caller's. */
struct peer *trust_verify(const struct trust *t, const gnutls_datum_t *chain, unsigned n);

/* The names of headers; each list ends with NULL. */
const char *const *trust_user_headers(const struct trust *t);
const char *const *trust_group_headers(const struct trust *t);
const char *const *trust_uid_headers(const struct trust *t);
const char *const *trust_extra_prefixes(const struct trust *t);
