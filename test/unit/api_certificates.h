/* test/unit/api_certificates.h -- the certificates of those who serve the metrics API and ask it.
 */
#pragma once

#include "autoscaler/base/telemetry.h"
#include "autoscaler/registration/x509.h"
#include "base/clock.h"
#include "json/json.h"
#include "unit/check.h"

#define HOST "lp-metrics.lp-system.svc"

static struct x509_pair serving_ca, serving, proxy_ca, proxy, stranger, other_ca, forged, client_ca,
    admin;
static inline void make(struct x509_pair *ret, const struct x509_pair *issuer, const char *cn,
                        const char *organization, const char *names, bool client)
{
    int64_t now = lp_clock_wall_ms() / 1000;
    const struct x509_wish wish = { cn, names, organization, client, now - 300, now + 3600 };
    ok(x509_make(&wish, issuer, ret, &err));
}

static inline void make_certificates(void)
{
    make(&serving_ca, NULL, "serving-ca", NULL, NULL, false);
    make(&serving, &serving_ca, "lp-metrics", NULL, "DNS:" HOST, false);
    make(&proxy_ca, NULL, "front-proxy-ca", NULL, NULL, false);
    make(&proxy, &proxy_ca, "front-proxy-client", NULL, "DNS:proxy", true);
    make(&stranger, &proxy_ca, "somebody-else", NULL, "DNS:proxy", true);
    make(&other_ca, NULL, "front-proxy-ca", NULL, NULL, false);
    make(&forged, &other_ca, "front-proxy-client", NULL, "DNS:proxy", true);
    make(&client_ca, NULL, "client-ca", NULL, NULL, false);
    make(&admin, &client_ca, "kubernetes-admin", "system:masters", "DNS:admin", true);
}

static inline int once(void **state)
{
    (void)state;
    lp_json_init();
    telemetry_init();

    make_certificates();
    return 0;
}

static inline int at_last(void **state)
{
    struct x509_pair *all[] = { &serving_ca, &serving, &proxy_ca,  &proxy, &stranger,
                                &other_ca,   &forged,  &client_ca, &admin };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(all); i++) {
        free(all[i]->cert);
        free(all[i]->key);
    }
    return 0;
}
