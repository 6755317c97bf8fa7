/* lib/work/crew.c -- a run lies on its caller's stack and in a list until its last job is taken.
 * One mutex guards the list and every run in it; jobs run without it. */
#include "work/crew.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/heartbeat.h"

struct run {
    struct run *next;
    unsigned n, taken, done;
    lp_crew_job *job;
    void *user;
};

struct hand {
    struct lp_crew *crew;
    void *tool;
    pthread_t thread;
    char name[16];
};

struct lp_crew {
    pthread_mutex_t lock;
    pthread_cond_t begun, ended;
    struct run *first; /* with jobs that nobody has taken */
    bool down;
    unsigned n; /* threads that were started */
    struct hand hands[];
};

/* One job of `r`. Its last one takes the run out of the list. */
static void do_one_locked(struct lp_crew *c, struct run *r, void *tool)
{
    unsigned i = r->taken++;

    if (r->taken == r->n) {
        struct run **at = &c->first;
        while (*at != r)
            at = &(*at)->next;
        *at = r->next;
    }
    pthread_mutex_unlock(&c->lock);
    r->job(i, tool, r->user);
    pthread_mutex_lock(&c->lock);
    if (++r->done == r->n)
        pthread_cond_broadcast(&c->ended);
}

static void *hand_main(void *user)
{
    struct hand *h = user;
    struct lp_crew *c = h->crew;

    pthread_setname_np(pthread_self(), h->name);
    lp_heartbeat_begin(h->name, LP_HEARTBEAT_MS);
    pthread_mutex_lock(&c->lock);
    while (!c->down) {
        lp_heartbeat();
        if (c->first) {
            do_one_locked(c, c->first, h->tool);
            continue;
        }
        lp_heartbeat_wait(INT64_MAX);
        pthread_cond_wait(&c->begun, &c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    lp_heartbeat_end();
    return NULL;
}

int lp_crew_new(const char *name, unsigned n, void *const *tools, struct lp_crew **ret_crew,
                struct lp_error *err)
{
    struct lp_crew *c = lp_alloc(sizeof *c + n * sizeof c->hands[0]);

    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->begun, NULL);
    pthread_cond_init(&c->ended, NULL);
    for (; c->n < n; c->n++) {
        struct hand *h = &c->hands[c->n];
        *h = (struct hand){ .crew = c, .tool = tools[c->n] };
        snprintf(h->name, sizeof h->name, "%.10s-%u", name, c->n + 1);
        int failed = pthread_create(&h->thread, NULL, hand_main, h);
        if (failed) {
            lp_error_set(err, LP_E_INTERNAL, "cannot start thread %s: %s", h->name,
                         strerror(failed));
            lp_crew_free(c);
            return LP_E_INTERNAL;
        }
    }
    *ret_crew = c;
    return 0;
}

void lp_crew_free(struct lp_crew *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->down = true;
    pthread_cond_broadcast(&c->begun);
    pthread_mutex_unlock(&c->lock);
    for (unsigned i = 0; i < c->n; i++)
        pthread_join(c->hands[i].thread, NULL);
    pthread_cond_destroy(&c->ended);
    pthread_cond_destroy(&c->begun);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static void join_locked(struct lp_crew *c, struct run *r)
{
    struct run **end = &c->first;

    while (*end)
        end = &(*end)->next;
    *end = r;
    for (unsigned i = 1; i < r->n && i <= c->n; i++)
        pthread_cond_signal(&c->begun);
}

void lp_crew_run(struct lp_crew *c, unsigned n, lp_crew_job *job, void *tool, void *user)
{
    struct run r = { .n = n, .job = job, .user = user };

    if (!c || n < 2) {
        for (unsigned i = 0; i < n; i++)
            job(i, tool, user);
        return;
    }
    pthread_mutex_lock(&c->lock);
    join_locked(c, &r);
    while (r.taken < r.n)
        do_one_locked(c, &r, tool);
    while (r.done < r.n) {
        lp_heartbeat_wait(INT64_MAX); /* the jobs' threads show that they go on */
        pthread_cond_wait(&c->ended, &c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    lp_heartbeat();
}
