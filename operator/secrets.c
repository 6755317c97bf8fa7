/*
 * operator/secrets.c -- database passwords and token keys: made once, with the right to create
 * only. What exists is never read or changed. Threads: the worker's.
 */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "operator/apply.h"
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

static void ensure(struct pass *pass, const char *suffix,
                   int (*make)(const struct platform *, json_t **, struct lp_error *))
{
    json_auto_t *secret = plan_object(pass->platform, &lp_kube_secrets, suffix);
    const char *name = lp_json_str(secret, "metadata", "name", NULL);
    json_t *data = NULL;
    struct lp_error err;

    int r = make(pass->platform, &data, &err);
    if (r == 0) {
        json_object_set_new(secret, "stringData", data);
        r = lp_kube_create(pass->r->client, &lp_kube_secrets, secret, NULL, &err);
    }
    if (r == 0) {
        pass->writes++;
        lp_log_info("created", "kind", "Secret", "name", name);
    } else if (r != LP_E_EXISTS) {
        pass_fail(pass, &lp_kube_secrets, name, &err);
    }
}

void secrets_ensure(struct pass *pass)
{
    const struct platform_spec *spec = &pass->platform->spec;

    ensure(pass, "jwt", jwt_data);
    if (!database_is_external(&spec->databases.postgres))
        ensure(pass, database_names[DATABASE_POSTGRES], postgres_data);
    if (!database_is_external(&spec->databases.mongodb))
        ensure(pass, database_names[DATABASE_MONGODB], mongodb_data);
}
