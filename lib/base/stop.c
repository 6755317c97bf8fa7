/* lib/base/stop.c -- an atomic flag, an eventfd, and a thread that takes the signals with
 * sigwait(). */
#include "base/stop.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/heartbeat.h"

struct lp_stop {
    atomic_bool requested;
    int fd;
    pthread_mutex_t lock; /* guards the list, and is held while a waker is called */
    struct lp_stop_waker *wakers;
};

struct lp_stop *lp_stop_new(void)
{
    struct lp_stop *s = lp_alloc(sizeof *s);
    s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->fd < 0)
        abort(); /* no descriptor at start: nothing would work */
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void lp_stop_free(struct lp_stop *s)
{
    if (!s)
        return;
    close(s->fd);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void lp_stop_request(struct lp_stop *s)
{
    atomic_store(&s->requested, true);
    eventfd_write(s->fd, 1); /* full means readable already */
    pthread_mutex_lock(&s->lock);
    for (const struct lp_stop_waker *w = s->wakers; w; w = w->next)
        w->wake(w->user);
    pthread_mutex_unlock(&s->lock);
}

void lp_stop_add_waker(struct lp_stop *s, struct lp_stop_waker *waker)
{
    pthread_mutex_lock(&s->lock);
    waker->next = s->wakers;
    s->wakers = waker;
    if (atomic_load(&s->requested))
        waker->wake(waker->user);
    pthread_mutex_unlock(&s->lock);
}

void lp_stop_remove_waker(struct lp_stop *s, struct lp_stop_waker *waker)
{
    pthread_mutex_lock(&s->lock);
    for (struct lp_stop_waker **at = &s->wakers; *at; at = &(*at)->next) {
        if (*at == waker) {
            *at = waker->next;
            break;
        }
    }
    pthread_mutex_unlock(&s->lock);
}

bool lp_stop_requested(const struct lp_stop *s)
{
    return s && atomic_load(&s->requested);
}

int lp_stop_fd(const struct lp_stop *s)
{
    return s->fd;
}

bool lp_stop_wait(struct lp_stop *s, int64_t ms)
{
    struct pollfd p = { .fd = s->fd, .events = POLLIN };
    int64_t end = lp_clock_ms() + ms;
    bool stopped;

    lp_heartbeat_wait(ms);
    while (!(stopped = lp_stop_requested(s))) {
        int64_t left = end - lp_clock_ms();
        if (left <= 0)
            break;
        if (poll(&p, 1, left > 60000 ? 60000 : (int)left) < 0 && errno != EINTR)
            break;
    }
    lp_heartbeat();
    return stopped;
}

static void stop_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
}

static void *take_signals(void *user)
{
    sigset_t set;
    int got;

    stop_signals(&set);
    while (sigwait(&set, &got) == 0)
        lp_stop_request(user);
    return NULL;
}

int lp_stop_on_signals(struct lp_stop *s)
{
    pthread_t thread;
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    stop_signals(&set);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return LP_E_INTERNAL;
    if (pthread_create(&thread, NULL, take_signals, s) != 0)
        return LP_E_INTERNAL;
    pthread_detach(thread);
    return 0;
}
