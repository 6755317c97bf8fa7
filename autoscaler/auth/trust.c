/*
 * The CAs and names that kube-apiserver trusts.
 *
 * The front proxy is kube-apiserver's aggregator: a client certificate under
 * requestheader-client-ca-file whose CN is among the allowed names may say by X-Remote-* which user
 * it asks. A certificate under client-ca-file is a user itself. libmicrohttpd asks for a
 * certificate and verifies nothing, so it is done here, on the DER chain, with GnuTLS; a new
 * ConfigMap is a new struct trust, and no connection is closed for it.
 *
 * Threads: any; nothing changes after trust_parse.
 */
#include "autoscaler/auth/trust.h"

#include <gnutls/x509.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "json/json.h"

#define MAX_CHAIN 8
#define MAX_ORGANIZATIONS 64

struct names {
    const char *list[TRUST_NAMES + 1];
    json_t *held; /* whose strings the list borrows */
};

struct trust {
    unsigned refs;
    gnutls_x509_trust_list_t front_proxy, client; /* NULL where not configured */
    struct names allowed, user, group, uid, extra;
};

static int read_names(const json_t *data, const char *key, const char *fallback,
                      struct names *ret_names, struct lp_error *err)
{
    const char *text = lp_json_str(data, key, NULL);
    if (!text || *text == '\0') {
        ret_names->list[0] = fallback;
        return 0;
    }
    int r = lp_json_parse(text, strlen(text), LP_LIMIT_CONFIG_BYTES, key, &ret_names->held, err);
    if (r < 0)
        return r;
    size_t n = json_array_size(ret_names->held);
    if (!json_is_array(ret_names->held) || n > TRUST_NAMES)
        return lp_error_set(err, LP_E_INVALID, "%s: must be an array of at most %d names", key,
                            TRUST_NAMES);
    for (size_t i = 0; i < n; i++) {
        ret_names->list[i] = json_string_value(json_array_get(ret_names->held, i));
        if (!ret_names->list[i] || *ret_names->list[i] == '\0')
            return lp_error_set(err, LP_E_INVALID, "%s[%zu]: must be a name", key, i);
    }
    return 0;
}

static int read_bundle(const json_t *data, const char *key, gnutls_x509_trust_list_t *ret_list,
                       struct lp_error *err)
{
    const char *text = lp_json_str(data, key, NULL);
    if (!text || *text == '\0')
        return 0;
    gnutls_datum_t pem = { .data = (unsigned char *)(uintptr_t)text,
                           .size = (unsigned)strlen(text) };
    if (gnutls_x509_trust_list_init(ret_list, 0) < 0)
        return lp_error_set(err, LP_E_INTERNAL, "%s: no memory", key);
    int n = gnutls_x509_trust_list_add_trust_mem(*ret_list, &pem, NULL, GNUTLS_X509_FMT_PEM, 0, 0);
    if (n <= 0)
        return lp_error_set(err, LP_E_INVALID, "%s: holds no PEM certificate%s%s", key,
                            n < 0 ? ": " : "", n < 0 ? gnutls_strerror(n) : "");
    return 0;
}

static int read_all(const json_t *data, struct trust *t, struct lp_error *err)
{
    const struct {
        const char *key, *fallback;
        struct names *names;
    } lists[] = {
        { "requestheader-allowed-names", NULL, &t->allowed },
        { "requestheader-username-headers", "X-Remote-User", &t->user },
        { "requestheader-group-headers", "X-Remote-Group", &t->group },
        { "requestheader-uid-headers", "X-Remote-Uid", &t->uid },
        { "requestheader-extra-headers-prefix", "X-Remote-Extra-", &t->extra },
    };
    int r = read_bundle(data, "requestheader-client-ca-file", &t->front_proxy, err);
    if (r == 0)
        r = read_bundle(data, "client-ca-file", &t->client, err);
    for (unsigned i = 0; r == 0 && i < LP_COUNT(lists); i++)
        r = read_names(data, lists[i].key, lists[i].fallback, lists[i].names, err);
    return r;
}

int trust_parse(const json_t *config_map, struct trust **ret_trust, struct lp_error *err)
{
    struct trust *t = lp_alloc(sizeof *t);
    t->refs = 1;
    int r = read_all(json_object_get(config_map, "data"), t, err);
    if (r < 0) {
        trust_unref(t);
        return lp_error_wrap(err, "ConfigMap extension-apiserver-authentication");
    }
    *ret_trust = t;
    return 0;
}

void trust_ref(void *trust)
{
    __atomic_add_fetch(&((struct trust *)trust)->refs, 1, __ATOMIC_RELAXED);
}

void trust_unref(void *trust)
{
    struct trust *t = trust;
    if (!t || __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    if (t->front_proxy)
        gnutls_x509_trust_list_deinit(t->front_proxy, 1);
    if (t->client)
        gnutls_x509_trust_list_deinit(t->client, 1);
    json_decref(t->allowed.held);
    json_decref(t->user.held);
    json_decref(t->group.held);
    json_decref(t->uid.held);
    json_decref(t->extra.held);
    free(t);
}

void peer_ref(void *peer)
{
    __atomic_add_fetch(&((struct peer *)peer)->refs, 1, __ATOMIC_RELAXED);
}

void peer_unref(void *peer)
{
    struct peer *p = peer;
    if (!p || __atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    user_unref(p->client);
    free(p);
}

/* ---- a certificate ---- */

/* One part of the subject, NUL-terminated; false where there is no such part or it has a NUL
 * inside. */
static bool subject_part(gnutls_x509_crt_t leaf, const char *oid, unsigned i, char ret[256])
{
    size_t size = 256;
    return gnutls_x509_crt_get_dn_by_oid(leaf, oid, i, 0, ret, &size) == 0 && size > 0 &&
           strlen(ret) == size;
}

static bool verifies(gnutls_x509_trust_list_t list, gnutls_x509_crt_t *chain, unsigned n)
{
    unsigned char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
    gnutls_typed_vdata_st wanted = { .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = purpose };
    unsigned status = 0;
    return list &&
           gnutls_x509_trust_list_verify_crt2(list, chain, n, &wanted, 1, 0, &status, NULL) >= 0 &&
           status == 0;
}

static bool is_allowed(const struct trust *t, const char *cn)
{
    if (!t->allowed.list[0])
        return true;
    for (unsigned i = 0; t->allowed.list[i]; i++)
        if (strcmp(t->allowed.list[i], cn) == 0)
            return true;
    return false;
}

static struct user *user_of(gnutls_x509_crt_t leaf, const char *cn)
{
    struct user *u = user_new(cn);
    char group[256];
    for (unsigned i = 0; i < MAX_ORGANIZATIONS; i++) {
        if (!subject_part(leaf, GNUTLS_OID_X520_ORGANIZATION_NAME, i, group))
            break;
        user_add_group(u, group);
    }
    user_authenticated(u);
    return u;
}

struct peer *trust_verify(const struct trust *t, const gnutls_datum_t *chain, unsigned n)
{
    struct peer *p = lp_alloc(sizeof *p);
    p->refs = 1;
    gnutls_x509_crt_t certificates[MAX_CHAIN];
    unsigned read = 0;
    while (read < n && read < MAX_CHAIN) {
        if (gnutls_x509_crt_init(&certificates[read]) < 0)
            break;
        int r = gnutls_x509_crt_import(certificates[read], &chain[read], GNUTLS_X509_FMT_DER);
        read++;
        if (r < 0) {
            n = 0;
            break;
        }
    }
    char cn[256];
    if (n > 0 && n == read && subject_part(certificates[0], GNUTLS_OID_X520_COMMON_NAME, 0, cn)) {
        p->front_proxy = is_allowed(t, cn) && verifies(t->front_proxy, certificates, n);
        if (verifies(t->client, certificates, n))
            p->client = user_of(certificates[0], cn);
    }
    while (read > 0)
        gnutls_x509_crt_deinit(certificates[--read]);
    return p;
}

const char *const *trust_user_headers(const struct trust *t)
{
    return t->user.list;
}

const char *const *trust_group_headers(const struct trust *t)
{
    return t->group.list;
}

const char *const *trust_uid_headers(const struct trust *t)
{
    return t->uid.list;
}

const char *const *trust_extra_prefixes(const struct trust *t)
{
    return t->extra.list;
}
