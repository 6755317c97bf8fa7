/* services/auth/database/person.c -- see person.h. */
#include "services/auth/database/person.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/alloc.h"

#define TEXT_MAX (2 * (SEAL_MAX + SEAL_EXTRA) + 1)

bool person_seals(struct lp_db *db)
{
    return vault_seals(lp_db_context(db));
}

int person_lookup(struct lp_db *db, const char *email, char lookup[SEAL_LOOKUP],
                  const char **ret_param, struct lp_error *err)
{
    struct vault *v = lp_db_context(db);
    if (!vault_is_open(v))
        return lp_error_set(err, LP_E_UNAVAILABLE, "database: not read yet");
    *ret_param = vault_lookup(v, email, lookup) ? lookup : NULL;
    return 0;
}

static void drop_texts(char **texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(texts[i]);
        texts[i] = NULL;
    }
}

static int open_all(const unsigned char *key, const char *id, size_t n, const char *const *columns,
                    const char *const *sealed, char **ret_texts, struct lp_error *err)
{
    int r = 0;
    for (size_t i = 0; i < n && r == 0; i++) {
        struct lp_buf text = LP_BUF_INIT(SEAL_MAX + 1);
        if (!sealed[i])
            continue;
        r = seal_open(key, (struct seal_place){ id, columns[i] }, sealed[i], &text, err);
        if (r == 0)
            ret_texts[i] = lp_buf_take(&text);
        lp_buf_done(&text);
    }
    return r;
}

int person_open(struct lp_db *db, const struct person_key *key, size_t n,
                const char *const *columns, const char *const *sealed, char **ret_texts,
                struct lp_error *err)
{
    unsigned char user_key[SEAL_KEY];
    memset(ret_texts, 0, n * sizeof *ret_texts);
    if (!key->master || !key->wrapped)
        return lp_error_set(err, LP_E_INTERNAL, "database: a sealed account has no key");
    int r = vault_unwrap(lp_db_context(db), key->id, key->master, key->wrapped, user_key, err);
    if (r == 0)
        r = open_all(user_key, key->id, n, columns, sealed, ret_texts, err);
    OPENSSL_cleanse(user_key, sizeof user_key);
    if (r < 0)
        drop_texts(ret_texts, n);
    if (r < 0 && r != LP_E_UNAVAILABLE)
        err->code = r = LP_E_INTERNAL;
    return r;
}

static int seal_all(const unsigned char *key, const char *id, size_t n, const char *const *columns,
                    const char *const *texts, char **ret_sealed, struct lp_error *err)
{
    int r = 0;
    memset(ret_sealed, 0, n * sizeof *ret_sealed);
    for (size_t i = 0; i < n && r == 0; i++) {
        struct lp_buf out = LP_BUF_INIT(TEXT_MAX);
        if (!texts[i])
            continue;
        r = seal_text(key, (struct seal_place){ id, columns[i] }, texts[i], strlen(texts[i]), &out,
                      err);
        if (r == 0)
            ret_sealed[i] = lp_buf_take(&out);
        lp_buf_done(&out);
    }
    if (r < 0)
        drop_texts(ret_sealed, n);
    return r;
}

int person_seal(struct lp_db *db, const struct person_key *key, size_t n,
                const char *const *columns, const char *const *texts, char **ret_sealed,
                struct lp_error *err)
{
    unsigned char user_key[SEAL_KEY];
    if (!key->master || !key->wrapped)
        return lp_error_set(err, LP_E_INTERNAL, "database: a sealed account has no key");
    int r = vault_unwrap(lp_db_context(db), key->id, key->master, key->wrapped, user_key, err);
    if (r == 0)
        r = seal_all(user_key, key->id, n, columns, texts, ret_sealed, err);
    OPENSSL_cleanse(user_key, sizeof user_key);
    return r;
}

int person_seal_new(struct lp_db *db, const char *id, size_t n, const char *const *columns,
                    const char *const *texts, struct vault_key *ret_key, char **ret_sealed,
                    struct lp_error *err)
{
    unsigned char user_key[SEAL_KEY];
    int r = vault_make(lp_db_context(db), id, user_key, ret_key, err);
    if (r == 0)
        r = seal_all(user_key, id, n, columns, texts, ret_sealed, err);
    OPENSSL_cleanse(user_key, sizeof user_key);
    return r;
}
