/*
 * Who guesses passwords is slowed, and must not hold a worker of the service meanwhile. DESIGN: one
 * thread and an array of answers; it sleeps until the next one is due. A thousand at most, so
 * looking through all of them costs microseconds.
 *
 * Threads: `lock` guards all; the answer itself is sent without it.
 */
#include "services/auth/http/slow.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "services/auth/http/reply.h"

struct held {
    struct lp_service_request *request;
    json_t *body;
    int64_t due_ms;
    int status;
};

struct slow {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    struct held held[SLOW_MOST];
    unsigned n;
    bool stopping;
};

/* The index of the one due first; n must not be 0. */
static unsigned first_due_locked(const struct slow *s)
{
    unsigned first = 0;
    for (unsigned i = 1; i < s->n; i++)
        if (s->held[i].due_ms < s->held[first].due_ms)
            first = i;
    return first;
}

static void wait_locked(struct slow *s, int64_t ms)
{
    struct timespec until = lp_clock_deadline(ms);
    pthread_cond_clockwait(&s->changed, &s->lock, CLOCK_MONOTONIC, &until);
}

static void *slow_run(void *arg)
{
    struct slow *s = arg;
    pthread_mutex_lock(&s->lock);
    while (!s->stopping || s->n > 0) {
        if (s->n == 0) {
            pthread_cond_wait(&s->changed, &s->lock);
            continue;
        }
        unsigned i = first_due_locked(s);
        int64_t left = s->held[i].due_ms - lp_clock_ms();
        if (left > 0 && !s->stopping) {
            wait_locked(s, left);
            continue;
        }
        struct held h = s->held[i];
        s->held[i] = s->held[--s->n];
        pthread_mutex_unlock(&s->lock);
        reply_json(h.request, h.status, h.body);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

int slow_new(struct slow **ret_slow, struct lp_error *err)
{
    struct slow *s = lp_alloc(sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    if (pthread_create(&s->thread, NULL, slow_run, s) != 0) {
        pthread_cond_destroy(&s->changed);
        pthread_mutex_destroy(&s->lock);
        free(s);
        return lp_error_set(err, LP_E_INTERNAL, "cannot start the thread of slow answers");
    }
    pthread_setname_np(s->thread, "auth-slow");
    *ret_slow = s;
    return 0;
}

void slow_free(struct slow *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void slow_reply(struct slow *s, struct lp_service_request *r, int64_t delay_ms, int status,
                json_t *body)
{
    if (delay_ms <= 0) {
        reply_json(r, status, body);
        return;
    }
    int64_t ms = delay_ms < SLOW_LONGEST_MS ? delay_ms : SLOW_LONGEST_MS;
    pthread_mutex_lock(&s->lock);
    bool room = s->n < SLOW_MOST;
    if (room)
        s->held[s->n++] = (struct held){ r, body, lp_clock_ms() + ms, status };
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
    if (!room) {
        json_decref(body);
        reply_busy(r);
    }
}
