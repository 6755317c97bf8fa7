/*
 * operator/reconcile/secrets.c -- database passwords and token keys: made once, with the right to
 * create only. What exists is never read or changed. Threads: the worker's.
 */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "operator/reconcile/apply.h"
#include "platform/plan_parts.h"

#define RANDOM_BYTES 32
#define RANDOM_TEXT (2 * RANDOM_BYTES + 1)

static int make_random(char ret_text[RANDOM_TEXT], struct lp_error *err)
{
    unsigned char bytes[RANDOM_BYTES];

    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return lp_error_set(err, LP_E_INTERNAL, "no random bytes are to be had from OpenSSL");
    for (unsigned i = 0; i < sizeof bytes; i++)
        snprintf(ret_text + (size_t)2 * i, 3, "%02x", bytes[i]);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return 0;
}

static int postgres_data(const struct platform *p, json_t **ret_data, struct lp_error *err)
{
    char password[RANDOM_TEXT];
    int r = make_random(password, err);
    if (r < 0)
        return r;
    lp_auto_free char *uri =
        lp_sprintf("postgresql://lp:%s@%s-postgres:5432/auth", password, p->name);
    *ret_data = lp_json_make("{s:s, s:s, s:s, s:s}", "username", "lp", "password", password,
                             "database", "auth", "uri", uri);
    return 0;
}

static int mongodb_data(const struct platform *p, json_t **ret_data, struct lp_error *err)
{
    char password[RANDOM_TEXT];
    int r = make_random(password, err);
    if (r < 0)
        return r;
    lp_auto_free char *uri =
        p->images->mongodb_auth
            ? lp_sprintf("mongodb://lp:%s@%s-mongodb:27017/?authSource=admin", password, p->name)
            : lp_sprintf("mongodb://%s-mongodb:27017/?retryWrites=false", p->name);
    *ret_data = lp_json_make("{s:s, s:s, s:s}", "username", "lp", "password", password, "uri", uri);
    return 0;
}

static int jwt_data(const struct platform *p, json_t **ret_data, struct lp_error *err)
{
    char access[RANDOM_TEXT], refresh[RANDOM_TEXT], loghash[RANDOM_TEXT];

    (void)p;
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

struct wanted {
    const char *suffix;
    int (*make)(const struct platform *, json_t **, struct lp_error *);
    int result;
    struct lp_error err;
};

struct secrets {
    const struct platform *platform;
    struct wanted wanted[3];
    unsigned n;
};

/* A job of the thread pool. */
static void create(unsigned i, void *client, void *user)
{
    struct secrets *s = user;
    struct wanted *w = &s->wanted[i];
    json_auto_t *secret = plan_object(s->platform, &lp_kube_secrets, w->suffix);
    json_t *data = NULL;

    w->result = w->make(s->platform, &data, &w->err);
    if (w->result < 0)
        return;
    json_object_set_new(secret, "stringData", data);
    w->result = lp_kube_create(client, &lp_kube_secrets, secret, NULL, &w->err);
    if (w->result == 0)
        lp_log_info("created", "kind", "Secret", "name",
                    lp_json_str(secret, "metadata", "name", NULL));
}

void secrets_ensure(struct reconcile_context *ctx)
{
    const struct platform_spec *spec = &ctx->platform->spec;
    struct secrets s = { ctx->platform, { { .suffix = "jwt", .make = jwt_data } }, 1 };

    if (!database_is_external(&spec->databases.postgres))
        s.wanted[s.n++] =
            (struct wanted){ .suffix = database_names[DATABASE_POSTGRES], .make = postgres_data };
    if (!database_is_external(&spec->databases.mongodb))
        s.wanted[s.n++] =
            (struct wanted){ .suffix = database_names[DATABASE_MONGODB], .make = mongodb_data };
    context_run(ctx, s.n, create, &s);
    for (unsigned i = 0; i < s.n; i++) {
        lp_auto_free char *name = plan_name(s.platform, s.wanted[i].suffix);
        if (s.wanted[i].result == 0)
            ctx->writes++;
        else if (s.wanted[i].result != LP_E_EXISTS)
            context_fail(ctx, &lp_kube_secrets, name, &s.wanted[i].err);
    }
}
