/* lib/work/thread_pool.c -- a run lies on the stack of its caller, and in a list until its last job
 * is taken. One mutex guards the list and every run in it; jobs run without it. */
#include "work/thread_pool.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/heartbeat.h"

struct run {
    struct run *next;
    unsigned n, taken, done;
    lp_thread_pool_job *job;
    void *user;
};

struct worker {
    struct lp_thread_pool *pool;
    void *context;
    pthread_t thread;
    char name[16];
};

struct lp_thread_pool {
    pthread_mutex_t lock;
    pthread_cond_t begun, ended;
    struct run *first; /* with jobs that nobody has taken */
    bool down;
    unsigned n; /* threads that were started */
    struct worker workers[];
};

/* One job of `r`. Its last one takes the run out of the list. */
static void do_one_locked(struct lp_thread_pool *p, struct run *r, void *context)
{
    unsigned i = r->taken++;

    if (r->taken == r->n) {
        struct run **at = &p->first;
        while (*at != r)
            at = &(*at)->next;
        *at = r->next;
    }
    pthread_mutex_unlock(&p->lock);
    r->job(i, context, r->user);
    pthread_mutex_lock(&p->lock);
    if (++r->done == r->n)
        pthread_cond_broadcast(&p->ended);
}

static void *worker_main(void *user)
{
    struct worker *w = user;
    struct lp_thread_pool *p = w->pool;

    pthread_setname_np(pthread_self(), w->name);
    lp_heartbeat_begin(w->name, LP_HEARTBEAT_MS);
    pthread_mutex_lock(&p->lock);
    while (!p->down) {
        lp_heartbeat();
        if (p->first) {
            do_one_locked(p, p->first, w->context);
            continue;
        }
        lp_heartbeat_wait(INT64_MAX);
        pthread_cond_wait(&p->begun, &p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    lp_heartbeat_end();
    return NULL;
}

int lp_thread_pool_new(const char *name, unsigned n, void *const *contexts,
                       struct lp_thread_pool **ret_pool, struct lp_error *err)
{
    struct lp_thread_pool *p = lp_alloc(sizeof *p + n * sizeof p->workers[0]);

    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->begun, NULL);
    pthread_cond_init(&p->ended, NULL);
    for (; p->n < n; p->n++) {
        struct worker *w = &p->workers[p->n];
        *w = (struct worker){ .pool = p, .context = contexts[p->n] };
        snprintf(w->name, sizeof w->name, "%.10s-%u", name, p->n + 1);
        int failed = pthread_create(&w->thread, NULL, worker_main, w);
        if (failed) {
            lp_error_set(err, LP_E_INTERNAL, "cannot start thread %s: %s", w->name,
                         strerror(failed));
            lp_thread_pool_free(p);
            return LP_E_INTERNAL;
        }
    }
    *ret_pool = p;
    return 0;
}

void lp_thread_pool_free(struct lp_thread_pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->down = true;
    pthread_cond_broadcast(&p->begun);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->n; i++)
        pthread_join(p->workers[i].thread, NULL);
    pthread_cond_destroy(&p->ended);
    pthread_cond_destroy(&p->begun);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static void join_locked(struct lp_thread_pool *p, struct run *r)
{
    struct run **end = &p->first;

    while (*end)
        end = &(*end)->next;
    *end = r;
    for (unsigned i = 1; i < r->n && i <= p->n; i++)
        pthread_cond_signal(&p->begun);
}

void lp_thread_pool_run(struct lp_thread_pool *p, unsigned n, lp_thread_pool_job *job,
                        void *context, void *user)
{
    struct run r = { .n = n, .job = job, .user = user };

    if (!p || n < 2) {
        for (unsigned i = 0; i < n; i++)
            job(i, context, user);
        return;
    }
    pthread_mutex_lock(&p->lock);
    join_locked(p, &r);
    while (r.taken < r.n)
        do_one_locked(p, &r, context);
    while (r.done < r.n) {
        lp_heartbeat_wait(INT64_MAX); /* the jobs' threads show that they go on */
        pthread_cond_wait(&p->ended, &p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    lp_heartbeat();
}
