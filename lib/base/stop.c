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
};

struct lp_stop *lp_stop_new(void)
{
    struct lp_stop *s = lp_alloc(sizeof *s);
    s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->fd < 0)
        abort(); /* no descriptor at start: nothing would work */
    return s;
}

void lp_stop_free(struct lp_stop *s)
{
    if (!s)
        return;
    close(s->fd);
    free(s);
}

void lp_stop_request(struct lp_stop *s)
{
    atomic_store(&s->requested, true);
    eventfd_write(s->fd, 1); /* full means readable already */
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
