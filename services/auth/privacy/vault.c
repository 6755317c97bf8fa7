/*
 * services/auth/privacy/vault.c -- see vault.h. Two kinds of wrapped keys hang on a master key: one
 * for each user, which seals their fields, and the one of lookups.
 *
 * Threads: `lock` guards all of it; keys are copied out, OpenSSL works without it.
 */
#include "services/auth/privacy/vault.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

struct vault {
    const char *dir;
    pthread_mutex_t lock;
    struct masters masters;
    char active[SEAL_ID];
    unsigned char lookup[SEAL_KEY];
    bool has_lookup, seals, open;
};

int vault_new(const char *dir, struct vault **ret_vault, struct lp_error *err)
{
    struct vault *v = lp_alloc(sizeof *v);
    v->dir = dir;
    int r = dir[0] ? masters_read(dir, &v->masters, err) : 0;
    if (r < 0) {
        free(v);
        return r;
    }
    pthread_mutex_init(&v->lock, NULL);
    *ret_vault = v;
    return 0;
}

void vault_free(struct vault *v)
{
    if (!v)
        return;
    pthread_mutex_destroy(&v->lock);
    OPENSSL_cleanse(v, sizeof *v);
    free(v);
}

int vault_reread(struct vault *v, bool *ret_changed, struct lp_error *err)
{
    struct masters fresh = { 0 };
    int r = v->dir[0] ? masters_read(v->dir, &fresh, err) : 0;
    if (r < 0)
        return r;
    pthread_mutex_lock(&v->lock);
    bool lacks = v->has_lookup && !masters_find(&fresh, v->active);
    *ret_changed = !lacks && memcmp(&fresh, &v->masters, sizeof fresh) != 0;
    if (!lacks)
        v->masters = fresh;
    else
        r = lp_error_set(err, LP_E_INVALID,
                         "spec.privacy.masterKeyRef: the Secret lacks the master key %s, which is "
                         "in use: put it back, as previous where it is to be replaced",
                         v->active);
    pthread_mutex_unlock(&v->lock);
    OPENSSL_cleanse(&fresh, sizeof fresh);
    return r;
}

void vault_names(struct vault *v, char ret_current[SEAL_ID], char ret_previous[SEAL_ID])
{
    pthread_mutex_lock(&v->lock);
    memcpy(ret_current, v->masters.current.id, SEAL_ID);
    memcpy(ret_previous, v->masters.previous.id, SEAL_ID);
    pthread_mutex_unlock(&v->lock);
}

int vault_open(struct vault *v, const struct vault_key *lookup, bool seals, const char *active,
               struct lp_error *err)
{
    unsigned char key[SEAL_KEY] = { 0 };
    int r = lookup ? vault_unwrap(v, VAULT_LOOKUP, lookup->master, lookup->wrapped, key, err) : 0;
    if (r == LP_E_UNAVAILABLE)
        err->code = r = LP_E_DENIED;
    if (r < 0)
        return r;
    pthread_mutex_lock(&v->lock);
    memcpy(v->lookup, key, SEAL_KEY);
    v->has_lookup = lookup != NULL;
    v->seals = seals;
    snprintf(v->active, sizeof v->active, "%s", active);
    v->open = true;
    pthread_mutex_unlock(&v->lock);
    OPENSSL_cleanse(key, sizeof key);
    return 0;
}

bool vault_is_open(struct vault *v)
{
    pthread_mutex_lock(&v->lock);
    bool open = v->open;
    pthread_mutex_unlock(&v->lock);
    return open;
}

bool vault_seals(struct vault *v)
{
    pthread_mutex_lock(&v->lock);
    bool seals = v->seals;
    pthread_mutex_unlock(&v->lock);
    return seals;
}

bool vault_lookup(struct vault *v, const char *email, char ret_hex[SEAL_LOOKUP])
{
    unsigned char key[SEAL_KEY];
    pthread_mutex_lock(&v->lock);
    bool has = v->has_lookup;
    memcpy(key, v->lookup, SEAL_KEY);
    pthread_mutex_unlock(&v->lock);
    if (has)
        seal_lookup(key, email, ret_hex);
    OPENSSL_cleanse(key, sizeof key);
    return has;
}

static int master_of(struct vault *v, const char *id, struct master *ret, struct lp_error *err)
{
    pthread_mutex_lock(&v->lock);
    const struct master *found = masters_find(&v->masters, id);
    if (found)
        *ret = *found;
    pthread_mutex_unlock(&v->lock);
    if (!found)
        return lp_error_set(err, LP_E_UNAVAILABLE,
                            "spec.privacy.masterKeyRef: the Secret lacks the master key %s, which "
                            "keys in the database are wrapped by",
                            id);
    return 0;
}

static int wrap(struct vault *v, const char *owner, const char *master,
                const unsigned char key[SEAL_KEY], struct vault_key *ret, struct lp_error *err)
{
    struct master m = { 0 };
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(VAULT_WRAPPED);
    int r = master_of(v, master, &m, err);
    if (r == 0)
        r = seal_text(m.key, (struct seal_place){ owner, "key" }, key, SEAL_KEY, &out, err);
    OPENSSL_cleanse(&m.key, sizeof m.key);
    if (r < 0)
        return r;
    snprintf(ret->master, sizeof ret->master, "%s", m.id);
    snprintf(ret->wrapped, sizeof ret->wrapped, "%s", out.ptr);
    return 0;
}

int vault_make(struct vault *v, const char *owner, unsigned char ret_key[SEAL_KEY],
               struct vault_key *ret_wrapped, struct lp_error *err)
{
    char active[SEAL_ID];
    pthread_mutex_lock(&v->lock);
    memcpy(active, v->active, SEAL_ID);
    pthread_mutex_unlock(&v->lock);
    if (RAND_bytes(ret_key, SEAL_KEY) != 1)
        return lp_error_set(err, LP_E_INTERNAL, "no random bytes for a key");
    return wrap(v, owner, active, ret_key, ret_wrapped, err);
}

int vault_unwrap(struct vault *v, const char *owner, const char *master, const char *wrapped,
                 unsigned char ret_key[SEAL_KEY], struct lp_error *err)
{
    struct master m = { 0 };
    lp_auto_buf struct lp_buf key = LP_BUF_INIT(SEAL_KEY + 1);
    int r = master_of(v, master, &m, err);
    if (r == 0)
        r = seal_open(m.key, (struct seal_place){ owner, "key" }, wrapped, &key, err);
    if (r == 0 && key.len != SEAL_KEY)
        r = lp_error_set(err, LP_E_DENIED, "a wrapped key has %zu bytes", key.len);
    if (r == 0)
        memcpy(ret_key, key.ptr, SEAL_KEY);
    OPENSSL_cleanse(&m, sizeof m);
    OPENSSL_cleanse(key.ptr, key.len);
    return r;
}

int vault_rewrap(struct vault *v, const char *owner, const struct vault_key *old,
                 struct vault_key *ret_new, struct lp_error *err)
{
    unsigned char key[SEAL_KEY];
    char current[SEAL_ID], previous[SEAL_ID];
    vault_names(v, current, previous);
    int r = vault_unwrap(v, owner, old->master, old->wrapped, key, err);
    if (r == 0)
        r = wrap(v, owner, current, key, ret_new, err);
    OPENSSL_cleanse(key, sizeof key);
    return r;
}
