/* lib/work/fifo.c -- a list under a mutex; one who waits is woken for each item. */
#include "work/fifo.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/heartbeat.h"

struct lp_fifo {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct lp_fifo_item *first, **last;
    unsigned n, max;
    bool closed;
};

struct lp_fifo *lp_fifo_new(unsigned max)
{
    struct lp_fifo *f = lp_alloc(sizeof *f);

    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->more, NULL);
    f->last = &f->first;
    f->max = max;
    return f;
}

void lp_fifo_free(struct lp_fifo *f)
{
    if (!f)
        return;
    pthread_cond_destroy(&f->more);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

bool lp_fifo_put(struct lp_fifo *f, struct lp_fifo_item *item)
{
    pthread_mutex_lock(&f->lock);
    bool taken = !f->closed && f->n < f->max;
    if (taken) {
        item->next = NULL;
        *f->last = item;
        f->last = &item->next;
        f->n++;
        pthread_cond_signal(&f->more);
    }
    pthread_mutex_unlock(&f->lock);
    return taken;
}

struct lp_fifo_item *lp_fifo_take(struct lp_fifo *f)
{
    lp_heartbeat_wait(INT64_MAX);
    pthread_mutex_lock(&f->lock);
    while (!f->first && !f->closed)
        pthread_cond_wait(&f->more, &f->lock);
    struct lp_fifo_item *item = f->first;
    if (item) {
        f->first = item->next;
        if (!f->first)
            f->last = &f->first;
        f->n--;
    }
    pthread_mutex_unlock(&f->lock);
    lp_heartbeat();
    return item;
}

void lp_fifo_close(struct lp_fifo *f)
{
    pthread_mutex_lock(&f->lock);
    f->closed = true;
    pthread_cond_broadcast(&f->more);
    pthread_mutex_unlock(&f->lock);
}
