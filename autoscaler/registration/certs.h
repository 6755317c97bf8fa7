/* autoscaler/registration/certs.h -- our own CA and serving certificate: made, checked, renewed.
 * Pure: no I/O.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define CERTS_CA_S (INT64_C(365) * 86400)
#define CERTS_LEAF_S (INT64_C(90) * 86400)
#define CERTS_PUBLISH_S \
    3600 /* from a new CA in the bundle to the first certificate that it signs */

/*
 * PEM texts, owned. `bundle` is what clients trust: `ca`, and the one before or after it. `next_ca`
 * is there while a new CA is in the bundle and signs nothing yet, else NULL.
 */
struct certs {
    char *bundle, *ca, *ca_key, *cert, *key, *next_ca, *next_key;
};
void certs_done(struct certs *c);
#define auto_certs __attribute__((cleanup(certs_done)))

/* The names that the certificates are for and how many seconds they last: <service>,
 * <service>.<ns>, <service>.<ns>.svc, <service>.<ns>.svc.cluster.local. */
struct certs_wish {
    const char *service, *ns;
    int64_t ca_s, leaf_s; /* 0: CERTS_CA_S, CERTS_LEAF_S */
};

/* A new CA (ECDSA P-256) and a certificate by it. `now_s`: seconds
 * since 1970. */
LP_MUST_USE int certs_make(const struct certs_wish *names, int64_t now_s, struct certs *ret_certs,
                           struct lp_error *err);

/*
 * Does what is due: at two thirds of its life, or where the names or the signature do not fit, a
 * new certificate; at two thirds of the CA's life a next CA into the bundle, CERTS_PUBLISH_S later
 * (where a CA lasts under 12 hours: a twelfth of that) the change to it. *ret_changed tells whether
 * anything was. LP_E_INVALID where the texts are not what certs_make made, or the CA has ended:
 * make them anew.
 */
LP_MUST_USE int certs_renew(struct certs *c, const struct certs_wish *names, int64_t now_s,
                            bool *ret_changed, struct lp_error *err);

/* When the serving certificate ends, in seconds since 1970; 0 where it cannot be read. */
int64_t certs_end(const struct certs *c);

/* To and from the `data` of a Secret. _to gives a new object of stringData; LP_E_INVALID names a
 * missing key. */
json_t *certs_to_secret(const struct certs *c);
LP_MUST_USE int certs_from_secret(const json_t *secret, struct certs *ret_certs,
                                  struct lp_error *err);
