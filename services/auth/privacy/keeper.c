/*
 * services/auth/privacy/keeper.c -- see keeper.h. What was done is in the database after each
 * statement, so any pod goes on where another one ended; two that do the same at once do it once,
 * as each statement names what it found.
 *
 * Threads: `lock` guards `stopping`; a step runs in the thread of the keeper, _open in that of the
 * database's watch, and `opened` says that it has.
 */
#include "services/auth/privacy/keeper.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "services/auth/privacy/keeper_store.h"

#define REST_MS 5000
#define BUSY_MS 1000
#define LOOKS 20 /* of KEEPER_BATCH rows in one step: about a second, then the others are told */

struct keeper {
    struct lp_db *db;
    struct vault *vault;
    char id[SEAL_UUID];
    atomic_bool opened;
    atomic_bool ready;   /* this pod finds by lookups */
    bool was_busy;       /* something was sealed or wrapped since it was last told */
    char complaint[160]; /* the last failure, so that it is logged once */
    pthread_t thread;
    bool runs, stopping;
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

struct keeper *keeper_new(struct lp_db *db, struct vault *vault)
{
    struct keeper *k = lp_alloc(sizeof *k);
    k->db = db;
    k->vault = vault;
    seal_make_uuid(k->id);
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->changed, NULL);
    return k;
}

/* ---- one look ---- */

struct look {
    char current[SEAL_ID], previous[SEAL_ID];
    struct keeper_state state;
};

static int take_look(struct keeper *k, struct look *ret, struct lp_error *err)
{
    vault_names(k->vault, ret->current, ret->previous);
    int r = keeper_beat(k->db, k->id, ret->current, ret->previous, atomic_load(&k->ready), err);
    return r < 0 ? r : keeper_look(k->db, ret->current, &ret->state, err);
}

/* The vault gets what was seen. */
static int apply(struct keeper *k, const struct look *l, struct lp_error *err)
{
    const struct keeper_state *s = &l->state;
    if (s->has_lookup && !l->current[0])
        return lp_error_set(err, LP_E_DENIED,
                            "spec.privacy.masterKeyRef (PRIVACY_KEY_DIR) is not set, and the "
                            "database's personal fields are encrypted under the master key %s: "
                            "set it to the Secret that has this key",
                            s->lookup.master);
    const char *active = s->all_know || !s->has_lookup ? l->current : s->lookup.master;
    int r = vault_open(k->vault, s->has_lookup ? &s->lookup : NULL, s->begun, active, err);
    if (r == LP_E_DENIED)
        return lp_error_set(err, LP_E_DENIED,
                            "spec.privacy.masterKeyRef: the database's personal fields are "
                            "encrypted under the master key %s; the Secret has %s as current%s%s. "
                            "Put the former key into it, as previous where it is to be replaced",
                            s->lookup.master, l->current, l->previous[0] ? " and previous " : "",
                            l->previous);
    if (r == 0)
        atomic_store(&k->ready, s->has_lookup);
    return r;
}

int keeper_open(struct keeper *k, struct lp_error *err)
{
    struct look l = { 0 };
    char foreign[SEAL_ID] = "";
    int r = take_look(k, &l, err);
    if (r == 0)
        r = apply(k, &l, err);
    if (r == 0 && l.current[0])
        r = keeper_foreign(k->db, l.current, l.previous, foreign, err);
    if (r == 0 && foreign[0])
        r = lp_error_set(err, LP_E_DENIED,
                         "spec.privacy.masterKeyRef: keys of users in the database are wrapped by "
                         "the master key %s, which the Secret does not have: put it back, as "
                         "previous",
                         foreign);
    if (r == 0)
        atomic_store(&k->opened, true);
    return r;
}

/* ---- sealing ---- */

static int seal_fields(const unsigned char *key, const char *id, const char *const *plain,
                       struct lp_buf *out, const char **ret_sealed, struct lp_error *err)
{
    int r = 0;
    for (size_t i = 0; i < KEEPER_FIELDS && r == 0; i++) {
        if (!plain[i])
            continue;
        r = seal_text(key, (struct seal_place){ id, keeper_columns[i] }, plain[i], strlen(plain[i]),
                      &out[i], err);
        ret_sealed[i] = out[i].ptr;
    }
    return r;
}

static int seal_row(struct keeper *k, const PGresult *rows, int i, struct lp_error *err)
{
    const char *id = PQgetvalue(rows, i, 0), *plain[KEEPER_FIELDS], *sealed[KEEPER_FIELDS] = { 0 };
    struct lp_buf out[KEEPER_FIELDS];
    unsigned char key[SEAL_KEY];
    struct vault_key wrapped;
    char lookup[SEAL_LOOKUP];

    for (int f = 0; f < KEEPER_FIELDS; f++) {
        plain[f] = PQgetisnull(rows, i, f + 1) ? NULL : PQgetvalue(rows, i, f + 1);
        out[f] = (struct lp_buf)LP_BUF_INIT(2 * (SEAL_MAX + SEAL_EXTRA) + 1);
    }
    int r = vault_make(k->vault, id, key, &wrapped, err);
    if (r == 0)
        r = seal_fields(key, id, plain, out, sealed, err);
    if (r == 0 && vault_lookup(k->vault, plain[0], lookup))
        r = keeper_seal(k->db, id, lookup, plain, sealed, &wrapped, err);
    for (int f = 0; f < KEEPER_FIELDS; f++)
        lp_buf_done(&out[f]);
    OPENSSL_cleanse(key, sizeof key);
    return r;
}

static int rewrap_row(struct keeper *k, const PGresult *rows, int i, struct lp_error *err)
{
    const char *id = PQgetvalue(rows, i, 0);
    struct vault_key old, fresh;
    snprintf(old.master, sizeof old.master, "%s", PQgetvalue(rows, i, 1));
    snprintf(old.wrapped, sizeof old.wrapped, "%s", PQgetvalue(rows, i, 2));
    int r = vault_rewrap(k->vault, id, &old, &fresh, err);
    return r < 0 ? r : keeper_change_key(k->db, id, &old, &fresh, err);
}

/* Each row; a failure of one is told when the others are done. *io_more: there were some. */
static int each(struct keeper *k, PGresult *rows,
                int (*act)(struct keeper *, const PGresult *, int, struct lp_error *),
                bool *io_more, struct lp_error *err)
{
    int n = PQntuples(rows), failed = 0;
    for (int i = 0; i < n; i++) {
        struct lp_error why;
        int r = act(k, rows, i, &why);
        if (r < 0 && failed == 0) {
            failed = r;
            *err = why;
        }
    }
    PQclear(rows);
    if (n > 0)
        k->was_busy = *io_more = true;
    return failed;
}

static int seal_some(struct keeper *k, bool *io_more, struct lp_error *err)
{
    int r = 0;
    bool some = true;
    for (int i = 0; i < LOOKS && r == 0 && some; i++) {
        PGresult *rows = NULL;
        some = false;
        r = keeper_plain(k->db, &rows, err);
        if (r == 0)
            r = each(k, rows, seal_row, &some, err);
        *io_more = *io_more || some;
    }
    return r;
}

static int rewrap_some(struct keeper *k, const struct look *l, bool *io_more, struct lp_error *err)
{
    struct vault_key fresh;
    bool some = true;
    int r = 0;
    if (strcmp(l->state.lookup.master, l->current) != 0) {
        *io_more = true;
        r = vault_rewrap(k->vault, VAULT_LOOKUP, &l->state.lookup, &fresh, err);
        if (r == 0)
            r = keeper_change_lookup(k->db, &l->state.lookup, &fresh, err);
    }
    for (int i = 0; i < LOOKS && r == 0 && some; i++) {
        PGresult *rows = NULL;
        some = false;
        r = keeper_old_keys(k->db, l->current, &rows, err);
        if (r == 0)
            r = each(k, rows, rewrap_row, &some, err);
        *io_more = *io_more || some;
    }
    return r;
}

/* ---- a step ---- */

static int make_lookup(struct keeper *k, struct lp_error *err)
{
    unsigned char key[SEAL_KEY];
    struct vault_key wrapped;
    int r = vault_make(k->vault, VAULT_LOOKUP, key, &wrapped, err);
    OPENSSL_cleanse(key, sizeof key);
    return r < 0 ? r : keeper_put_lookup(k->db, &wrapped, err);
}

static int advance(struct keeper *k, const struct look *l, bool *io_more, struct lp_error *err)
{
    const struct keeper_state *s = &l->state;
    if (!s->has_lookup) {
        *io_more = true;
        return s->all_know ? make_lookup(k, err) : 0;
    }
    if (!s->begun) {
        *io_more = true;
        return s->all_know && s->all_ready ? keeper_begin(k->db, err) : 0;
    }
    int r = seal_some(k, io_more, err);
    return r == 0 && s->all_know ? rewrap_some(k, l, io_more, err) : r;
}

/*
 * One step: tells the other pods what this one knows, and does what is next. Encryption begins when
 * every pod has the master key, so that none meets what it cannot read: first a key of lookups, by
 * which every pod then finds and stores; when every pod does, new fields are sealed, and old ones
 * in batches. Keys of another master key are wrapped anew when every pod has the current one.
 * *ret_more: there is more to do. Errors of lp_db_run and of the vault.
 */
static int keeper_step(struct keeper *k, bool *ret_more, struct lp_error *err)
{
    struct look l = { 0 };
    struct lp_error why;
    bool changed = false;
    *ret_more = false;
    int unread = vault_reread(k->vault, &changed, &why); /* the former keys stay */
    int r = take_look(k, &l, err);
    if (r == 0)
        r = apply(k, &l, err);
    if (r == 0 && l.current[0])
        r = advance(k, &l, ret_more, err);
    if (r == 0 && changed)
        lp_log_info("master keys of personal fields read again", "current", l.current);
    if (r == 0 && k->was_busy && !*ret_more) {
        k->was_busy = false;
        lp_log_info("personal fields are encrypted under the current master key", "master",
                    l.current);
    }
    if (r == 0 && unread < 0)
        *err = why;
    return r < 0 ? r : unread;
}

/* ---- the thread ---- */

static bool rest(struct keeper *k, int64_t ms)
{
    struct timespec until = lp_clock_deadline(ms);
    int late = 0;
    pthread_mutex_lock(&k->lock);
    while (!k->stopping && late == 0)
        late = pthread_cond_clockwait(&k->changed, &k->lock, CLOCK_MONOTONIC, &until);
    bool stopping = k->stopping;
    pthread_mutex_unlock(&k->lock);
    return !stopping;
}

static void complain(struct keeper *k, int r, const struct lp_error *err)
{
    const char *now = r < 0 ? err->msg : "";
    if (r < 0 && strcmp(now, k->complaint) != 0)
        lp_log_warn("keys of personal fields: not done", "error", now);
    snprintf(k->complaint, sizeof k->complaint, "%s", now);
}

static void *keeper_run(void *arg)
{
    struct keeper *k = arg;
    bool more = false;
    while (rest(k, more || !atomic_load(&k->opened) ? BUSY_MS : REST_MS)) {
        struct lp_error err;
        if (!atomic_load(&k->opened))
            continue;
        int r = keeper_step(k, &more, &err);
        complain(k, r, &err);
        more = more && r == 0;
    }
    return NULL;
}

int keeper_start(struct keeper *k, struct lp_error *err)
{
    if (pthread_create(&k->thread, NULL, keeper_run, k) != 0)
        return lp_error_set(err, LP_E_INTERNAL, "cannot start the thread of personal fields");
    pthread_setname_np(k->thread, "auth-keeper");
    k->runs = true;
    return 0;
}

void keeper_free(struct keeper *k)
{
    if (!k)
        return;
    pthread_mutex_lock(&k->lock);
    k->stopping = true;
    pthread_cond_signal(&k->changed);
    pthread_mutex_unlock(&k->lock);
    if (k->runs)
        pthread_join(k->thread, NULL);
    if (atomic_load(&k->opened))
        keeper_leave(k->db, k->id);
    pthread_cond_destroy(&k->changed);
    pthread_mutex_destroy(&k->lock);
    free(k);
}
