/*
 * Our own CA and serving certificate. The CA changes in two steps: first the caBundle holds
 * both, then the certificate changes, so that no moment has a certificate that nobody trusts.
 *
 * Threads: none of its own.
 */
#include "autoscaler/registration/certs.h"

#include <string.h>

#include "autoscaler/registration/x509.h"
#include "base/alloc.h"
#include "base/base64.h"
#include "base/limits.h"
#include "json/json.h"

#define SKEW_S 300 /* a peer's clock may be behind */

static int64_t at_most(int64_t value, int64_t limit)
{
    return value < limit ? value : limit;
}

static int64_t ca_life(const struct certs_wish *w)
{
    return w->ca_s ? w->ca_s : CERTS_CA_S;
}

/* Before now: a certificate that lasts for minutes only must not be old when it is made. */
static int64_t skew(int64_t life_s)
{
    return at_most(SKEW_S, life_s / 10);
}

void certs_done(struct certs *c)
{
    char **all[] = { &c->bundle, &c->ca, &c->ca_key, &c->cert, &c->key, &c->next_ca, &c->next_key };
    for (unsigned i = 0; i < LP_COUNT(all); i++) {
        free(*all[i]);
        *all[i] = NULL;
    }
}

static void replace(char **text, char *by)
{
    free(*text);
    *text = by;
}

static int make_ca(int64_t life_s, int64_t now_s, struct x509_pair *ret, struct lp_error *err)
{
    lp_auto_free char *name = lp_sprintf("lp-metrics-ca@%lld", (long long)now_s);
    const struct x509_wish wish = { .common_name = name,
                                    .from_s = now_s - skew(life_s),
                                    .until_s = now_s + life_s };
    return x509_make(&wish, NULL, ret, err);
}

static int make_leaf(struct certs *c, const struct certs_wish *n, int64_t now_s,
                     struct lp_error *err)
{
    int64_t life_s = n->leaf_s ? n->leaf_s : CERTS_LEAF_S;
    lp_auto_free char *names =
        lp_sprintf("DNS:%s,DNS:%s.%s,DNS:%s.%s.svc,DNS:%s.%s.svc.cluster.local", n->service,
                   n->service, n->ns, n->service, n->ns, n->service, n->ns);
    const struct x509_wish wish = { .common_name = n->service,
                                    .names = names,
                                    .from_s = now_s - skew(life_s),
                                    .until_s = now_s + life_s };
    const struct x509_pair ca = { c->ca, c->ca_key };
    struct x509_pair leaf;
    int r = x509_make(&wish, &ca, &leaf, err);
    if (r < 0)
        return r;
    replace(&c->cert, leaf.cert);
    replace(&c->key, leaf.key);
    return 0;
}

int certs_make(const struct certs_wish *names, int64_t now_s, struct certs *ret_certs,
               struct lp_error *err)
{
    auto_certs struct certs c = { 0 };
    struct x509_pair ca;
    int r = make_ca(ca_life(names), now_s, &ca, err);
    if (r < 0)
        return r;
    c.ca = ca.cert;
    c.ca_key = ca.key;
    c.bundle = lp_strdup(ca.cert);
    r = make_leaf(&c, names, now_s, err);
    if (r < 0)
        return r;
    *ret_certs = c;
    memset(&c, 0, sizeof c); /* handed over */
    return 0;
}

/* Two thirds of its life are over. */
static bool is_due(int64_t from_s, int64_t until_s, int64_t now_s)
{
    return now_s >= from_s + (until_s - from_s) / 3 * 2;
}

/* The next CA into the bundle, or, an hour later, into its place. */
static int renew_ca(struct certs *c, int64_t life_s, int64_t now_s, bool *ret_changed,
                    struct lp_error *err)
{
    int64_t from_s, until_s;
    if (!c->next_ca) {
        struct x509_pair next;
        int r = make_ca(life_s, now_s, &next, err);
        if (r < 0)
            return r;
        c->next_ca = next.cert;
        c->next_key = next.key;
        replace(&c->bundle, lp_sprintf("%s%s", c->ca, c->next_ca));
        *ret_changed = true;
        return 0;
    }
    if (!x509_validity(c->next_ca, &from_s, &until_s))
        return lp_error_set(err, LP_E_INVALID, "the next CA cannot be read");
    if (now_s < from_s + skew(life_s) + at_most(CERTS_PUBLISH_S, life_s / 12))
        return 0;
    replace(&c->bundle, lp_sprintf("%s%s", c->next_ca, c->ca));
    replace(&c->ca, lp_take(c->next_ca));
    replace(&c->ca_key, lp_take(c->next_key));
    *ret_changed = true;
    return 0;
}

int certs_renew(struct certs *c, const struct certs_wish *names, int64_t now_s, bool *ret_changed,
                struct lp_error *err)
{
    int64_t from_s, until_s;
    *ret_changed = false;
    if (!x509_validity(c->ca, &from_s, &until_s) || now_s >= until_s)
        return lp_error_set(err, LP_E_INVALID, "the CA cannot be read or has ended");
    if (is_due(from_s, until_s, now_s)) {
        int r = renew_ca(c, ca_life(names), now_s, ret_changed, err);
        if (r < 0)
            return r;
    }
    lp_auto_free char *host = lp_sprintf("%s.%s.svc", names->service, names->ns);
    bool serves = x509_serves(c->cert, c->key, c->ca, host, now_s);
    if (serves && x509_validity(c->cert, &from_s, &until_s) && !is_due(from_s, until_s, now_s))
        return 0;
    *ret_changed = true;
    return make_leaf(c, names, now_s, err);
}

int64_t certs_end(const struct certs *c)
{
    int64_t from_s, until_s;
    return c->cert && x509_validity(c->cert, &from_s, &until_s) ? until_s : 0;
}

/* ---- the Secret ---- */

json_t *certs_to_secret(const struct certs *c)
{
    json_t *data =
        lp_json_make("{s:s,s:s,s:s,s:s,s:s}", "ca.crt", c->bundle, "ca-signing.crt", c->ca,
                     "ca-signing.key", c->ca_key, "tls.crt", c->cert, "tls.key", c->key);
    lp_json_set_str(data, "ca-next.crt", c->next_ca);
    lp_json_set_str(data, "ca-next.key", c->next_key);
    return data;
}

/* Of a Secret's data; NULL where it is absent or wrong. The caller's. */
static char *decoded(const json_t *data, const char *key)
{
    const char *text = json_string_value(json_object_get(data, key));

    return text && *text && strlen(text) <= LP_LIMIT_CONFIG_BYTES ? lp_base64_text(text) : NULL;
}

int certs_from_secret(const json_t *secret, struct certs *ret_certs, struct lp_error *err)
{
    auto_certs struct certs c = { 0 };
    const struct {
        const char *key;
        char **text;
        bool optional;
    } parts[] = {
        { "ca.crt", &c.bundle, false },         { "ca-signing.crt", &c.ca, false },
        { "ca-signing.key", &c.ca_key, false }, { "tls.crt", &c.cert, false },
        { "tls.key", &c.key, false },           { "ca-next.crt", &c.next_ca, true },
        { "ca-next.key", &c.next_key, true },
    };
    const json_t *data = json_object_get(secret, "data");
    for (unsigned i = 0; i < LP_COUNT(parts); i++) {
        *parts[i].text = decoded(data, parts[i].key);
        if (!*parts[i].text && !parts[i].optional)
            return lp_error_set(err, LP_E_INVALID, "Secret: data[%s] is missing or not base64",
                                parts[i].key);
    }
    *ret_certs = c;
    memset(&c, 0, sizeof c); /* handed over */
    return 0;
}
