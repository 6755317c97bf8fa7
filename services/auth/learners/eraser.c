/*
 * First the others, then ourselves: while the account is there (disabled), the erasure is known and
 * goes on, whatever ends in between. Erasing twice is as good as once.
 *
 * Threads: `lock` guards `woken` and `stopping`; the rest is `auth-erase`'s.
 */
#include "services/auth/learners/eraser.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "service/service.h"
#include "services/auth/database/store_learner.h"

#define LOOK_MS 10000

struct eraser {
    struct lp_db *db;
    const struct peer *peer;
    int64_t sweep_ms;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken, stopping;
};

static bool is_stopping(struct eraser *e)
{
    pthread_mutex_lock(&e->lock);
    bool stopping = e->stopping;
    pthread_mutex_unlock(&e->lock);
    return stopping;
}

static void carry_out(struct eraser *e, const char *user_id)
{
    struct lp_error err;
    char name[LP_PSEUDONYM];
    lp_service_pseudonym(user_id, name);
    int r = peer_erase(e->peer, user_id, &err);
    if (r == 0)
        r = store_finish_erasure(e->db, user_id, e->sweep_ms, peer_has_learning(e->peer), &err);
    if (r < 0)
        lp_log_warn("erasure not done yet", "user", name, "error", err.msg);
    else
        lp_log_info("a user's data were erased", "user", name);
}

static void *eraser_run(void *arg)
{
    struct eraser *e = arg;
    while (!is_stopping(e)) {
        struct lp_error err;
        char user_id[STORE_UUID];
        if (store_take_erasure(e->db, peer_has_learning(e->peer), user_id, &err) == 0) {
            carry_out(e, user_id);
            continue;
        }
        struct timespec until = lp_clock_deadline(LOOK_MS);
        int late = 0;
        pthread_mutex_lock(&e->lock);
        while (!e->woken && !e->stopping && late == 0)
            late = pthread_cond_clockwait(&e->changed, &e->lock, CLOCK_MONOTONIC, &until);
        e->woken = false;
        pthread_mutex_unlock(&e->lock);
    }
    return NULL;
}

int eraser_new(struct lp_db *db, const struct peer *peer, int64_t sweep_ms,
               struct eraser **ret_eraser, struct lp_error *err)
{
    struct eraser *e = lp_alloc(sizeof *e);
    e->db = db;
    e->peer = peer;
    e->sweep_ms = sweep_ms;
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->changed, NULL);
    if (pthread_create(&e->thread, NULL, eraser_run, e) != 0) {
        pthread_cond_destroy(&e->changed);
        pthread_mutex_destroy(&e->lock);
        free(e);
        return lp_error_set(err, LP_E_INTERNAL, "cannot start the thread of erasures");
    }
    pthread_setname_np(e->thread, "auth-erase");
    *ret_eraser = e;
    return 0;
}

void eraser_free(struct eraser *e)
{
    if (!e)
        return;
    pthread_mutex_lock(&e->lock);
    e->stopping = true;
    pthread_cond_signal(&e->changed);
    pthread_mutex_unlock(&e->lock);
    pthread_join(e->thread, NULL);
    pthread_cond_destroy(&e->changed);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

void eraser_wake(struct eraser *e)
{
    pthread_mutex_lock(&e->lock);
    e->woken = true;
    pthread_cond_signal(&e->changed);
    pthread_mutex_unlock(&e->lock);
}
