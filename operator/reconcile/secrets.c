/* operator/reconcile/secrets.c -- see the header. Threads: the worker's, and the thread pool's in
 * create().
 */
#include "operator/reconcile/secrets.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/base64url.h"
#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "platform/pins.h"
#include "platform/plan_parts.h"

#define RANDOM_BYTES 32
#define RANDOM_TEXT (2 * RANDOM_BYTES + 1)
#define MAX_PEM 1024

static int random_bytes(unsigned char ret[RANDOM_BYTES], struct lp_error *err)
{
    if (RAND_bytes(ret, RANDOM_BYTES) == 1)
        return 0;
    return lp_error_set(err, LP_E_INTERNAL, "no random bytes are to be had from OpenSSL");
}

static int make_random(char ret_text[RANDOM_TEXT], struct lp_error *err)
{
    unsigned char bytes[RANDOM_BYTES];

    int r = random_bytes(bytes, err);
    if (r < 0)
        return r;
    for (unsigned i = 0; i < sizeof bytes; i++)
        snprintf(ret_text + (size_t)2 * i, 3, "%02x", bytes[i]);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return 0;
}

static int postgres_data(const struct platform *p, unsigned kind, json_t **ret_data,
                         struct lp_error *err)
{
    const struct database_kind *d = &database_kinds[kind];
    char password[RANDOM_TEXT];
    int r = make_random(password, err);
    if (r < 0)
        return r;
    lp_auto_free char *uri = lp_sprintf("postgresql://%s:%s@%s-%s:5432/%s", d->role, password,
                                        p->name, d->name, d->database);
    *ret_data = lp_json_make("{s:s, s:s, s:s, s:s}", "username", d->role, "password", password,
                             "database", d->database, "uri", uri);
    return 0;
}

static int mongodb_data(const struct platform *p, unsigned kind, json_t **ret_data,
                        struct lp_error *err)
{
    char password[RANDOM_TEXT];
    (void)kind;
    int r = make_random(password, err);
    if (r < 0)
        return r;
    lp_auto_free char *uri =
        pins_users(p, DATABASE_MONGODB)
            ? lp_sprintf("mongodb://lp:%s@%s-mongodb:27017/?authSource=admin", password, p->name)
            : lp_sprintf("mongodb://%s-mongodb:27017/?retryWrites=false", p->name);
    *ret_data = lp_json_make("{s:s, s:s, s:s}", "username", "lp", "password", password, "uri", uri);
    return 0;
}

static int jwt_data(const struct platform *p, unsigned kind, json_t **ret_data,
                    struct lp_error *err)
{
    char access[RANDOM_TEXT], refresh[RANDOM_TEXT], loghash[RANDOM_TEXT];

    (void)p;
    (void)kind;
    int r = make_random(access, err);
    if (r == 0)
        r = make_random(refresh, err);
    if (r == 0)
        r = make_random(loghash, err);
    if (r == 0)
        *ret_data = lp_json_make("{s:s, s:s, s:s}", "access", access, "refresh", refresh, "loghash",
                                 loghash);
    return r;
}

/* RFC 8410: an Ed25519 private key in PKCS #8, as PEM. */
static int signing_data(const struct platform *p, unsigned kind, json_t **ret_data,
                        struct lp_error *err)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    BIO *out = BIO_new(BIO_s_secmem());
    char pem[MAX_PEM] = "";
    int n = -1;

    (void)p;
    (void)kind;
    if (key && out && PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) == 1)
        n = BIO_read(out, pem, sizeof pem - 1);
    EVP_PKEY_free(key);
    BIO_free(out);
    if (n <= 0)
        return lp_error_set(err, LP_E_INTERNAL, "OpenSSL makes no Ed25519 key");
    *ret_data = lp_json_make("{s:s}", "signing.pem", pem);
    OPENSSL_cleanse(pem, sizeof pem);
    return 0;
}

/* base64url without padding (RFC 4648, section 5). */
static int caller_data(const struct platform *p, unsigned kind, json_t **ret_data,
                       struct lp_error *err)
{
    unsigned char bytes[RANDOM_BYTES];
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(sizeof bytes * 2); /* at once: no copy stays */

    (void)p;
    (void)kind;
    int r = random_bytes(bytes, err);
    if (r < 0)
        return r;
    lp_base64url_encode(bytes, sizeof bytes, &text);
    *ret_data = lp_json_make("{s:s}", "key", text.ptr);
    OPENSSL_cleanse(bytes, sizeof bytes);
    OPENSSL_cleanse(text.ptr, text.len);
    return 0;
}

/* The first N_DATABASES are those of database_kinds; the rest is for the services. */
static const struct kind {
    const char *suffix;
    int (*make)(const struct platform *, unsigned kind, json_t **, struct lp_error *);
    bool of_learning; /* only where that is enabled */
} kinds[] = {
    { "postgres", postgres_data, false },
    { "mongodb", mongodb_data, false },
    { "learning-db", postgres_data, false },
    { "ai-jobs", postgres_data, false },
    { "jwt", jwt_data, false },
    { "signing", signing_data, false },
    { "caller-ai-feedback", caller_data, false },
    { "caller-auth", caller_data, false },
    { "caller-progress", caller_data, true },
};
#define N_SECRETS LP_COUNT(kinds)

struct wanted {
    unsigned kind;
    const json_t *claim; /* that owns it; NULL: the platform does */
    bool had_by_pods;    /* only ask whether it is there */
    bool owner_is_new;   /* one that is there is of another before it, and may go with that */
    int result;
    struct lp_error err;
};

struct secrets {
    const struct platform *platform;
    struct wanted wanted[N_SECRETS];
    unsigned n;
};

static json_t *secret_of(const struct platform *p, const struct wanted *w)
{
    json_t *secret = plan_object(p, &lp_kube_secrets, kinds[w->kind].suffix);
    const json_t *metadata = json_object_get(w->claim, "metadata");

    if (w->claim)
        json_object_set_new(json_object_get(secret, "metadata"), "ownerReferences",
                            lp_json_make("[{s:s, s:s, s:O, s:O}]", "apiVersion", "v1", "kind",
                                         lp_kube_volume_claims.kind, "name",
                                         json_object_get(metadata, "name"), "uid",
                                         json_object_get(metadata, "uid")));
    return secret;
}

/* A job of the thread pool. */
static void create(unsigned i, void *client, void *user)
{
    struct secrets *s = user;
    struct wanted *w = &s->wanted[i];
    json_auto_t *secret = secret_of(s->platform, w);
    json_t *data = NULL;

    w->result = kinds[w->kind].make(s->platform, w->kind, &data, &w->err);
    if (w->result < 0)
        return;
    json_object_set_new(secret, "stringData", data);
    if (w->had_by_pods) {
        w->result = lp_kube_dry_run_create(client, &lp_kube_secrets, secret, NULL, &w->err);
        return;
    }
    w->result = lp_kube_create(client, &lp_kube_secrets, secret, NULL, &w->err);
    if (w->result == 0)
        lp_log_info("created", "kind", "Secret", "name",
                    lp_json_str(secret, "metadata", "name", NULL));
}

static void secrets_create_all(struct reconcile_context *ctx, struct secrets *s)
{
    context_run(ctx, s->n, create, s);
    for (unsigned i = 0; i < s->n; i++) {
        struct wanted *w = &s->wanted[i];
        lp_auto_free char *name = plan_name(s->platform, kinds[w->kind].suffix);
        if (w->result == 0 && w->had_by_pods)
            ctx->lost_secrets |= 1U << w->kind;
        else if (w->result == 0)
            ctx->writes++;
        else if (w->result == LP_E_EXISTS && w->owner_is_new)
            platform_state_recreated(ctx->state, lp_clock_ms());
        else if (w->result != LP_E_EXISTS) {
            context_fail(ctx, &lp_kube_secrets, name, &w->err);
            platform_state_secrets_failed(ctx->state);
        }
    }
}

static bool names(const json_t *workload, const char *secret)
{
    const json_t *container =
        json_array_get(lp_json_at(workload, "spec", "template", "spec", "containers", NULL), 0);
    const json_t *item;
    size_t i;

    json_array_foreach(json_object_get(container, "env"), i, item)
    {
        const char *name = lp_json_str(item, "valueFrom", "secretKeyRef", "name", NULL);
        if (name && strcmp(name, secret) == 0)
            return true;
    }
    return false;
}

/* Notes which Secrets the pods of a workload that is there are given. */
static void note_had(struct reconcile_context *ctx, struct secrets *s, enum child_kind kind,
                     const char *suffix)
{
    const struct platform *p = ctx->platform;
    lp_auto_free char *workload = plan_name(p, suffix);
    json_auto_t *object = context_child(ctx, kind, workload);

    for (unsigned i = 0; i < s->n && object; i++) {
        lp_auto_free char *secret = plan_name(p, kinds[s->wanted[i].kind].suffix);
        s->wanted[i].had_by_pods = s->wanted[i].had_by_pods || names(object, secret);
    }
}

static void add(struct reconcile_context *ctx, struct secrets *s, unsigned kind,
                const struct claims *claims)
{
    struct wanted w = { .kind = kind, .owner_is_new = ctx->is_new };

    if (kind < N_DATABASES && !platform_embeds(ctx->platform, kind))
        return;
    if (kinds[kind].of_learning && !spec_has_service(&ctx->platform->spec, SERVICE_LEARNING))
        return;
    if (kind < N_DATABASES) {
        w.claim = claims->of[kind];
        w.owner_is_new = claims->made[kind];
        if (!lp_json_str(w.claim, "metadata", "uid", NULL) ||
            lp_json_str(w.claim, "metadata", "deletionTimestamp", NULL))
            return; /* its claim comes first */
    }
    s->wanted[s->n++] = w;
}

void secrets_ensure(struct reconcile_context *ctx, struct platform *platform,
                    const struct claims *claims)
{
    struct secrets s = { .platform = platform };

    for (unsigned kind = 0; kind < N_SECRETS; kind++)
        add(ctx, &s, kind, claims);
    for (unsigned id = 0; id < N_DATABASES; id++)
        note_had(ctx, &s, CHILD_STATEFUL_SET, database_kinds[id].name);
    for (unsigned id = 0; id < N_OWN_SERVICES; id++)
        note_had(ctx, &s, CHILD_DEPLOYMENT, service_kinds[id].name);
    secrets_create_all(ctx, &s);
    if (ctx->lost_secrets == 0)
        return;
    snprintf(ctx->new_mark, sizeof ctx->new_mark, "%" PRId64, lp_clock_wall_ms());
    for (unsigned kind = 0; kind < N_SECRETS; kind++) {
        if (!(ctx->lost_secrets & 1U << kind))
            continue;
        lp_log_warn("a Secret is gone that pods have: it is made anew and they are replaced",
                    "secret", kinds[kind].suffix);
        if (kind < N_DATABASES)
            platform->databases[kind].secret = ctx->new_mark;
        else
            platform->keys = ctx->new_mark;
    }
}

void secrets_make_lost(struct reconcile_context *ctx, const struct claims *claims)
{
    struct secrets s = { .platform = ctx->platform };

    for (unsigned kind = 0; kind < N_SECRETS; kind++)
        if (ctx->lost_secrets & 1U << kind)
            add(ctx, &s, kind, claims);
    secrets_create_all(ctx, &s);
}
