/* cli/load/loop.c -- see loop.h. */
#include "cli/load/loop.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>

#include "base/alloc.h"
#include "base/clock.h"

#define EVENTS 256
#define OTHER_FILES 64 /* besides connections */

struct loop {
    CURLM *multi;
    int epoll, timer, stop_fd;
    int64_t curl_ns; /* when libcurl wants to be called; INT64_MAX: not */
    loop_ended *ended;
    void *user;
};

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known)
{
    struct loop *l = user;
    struct epoll_event e = { .data.fd = fd };

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    e.events = (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);
    if (epoll_ctl(l->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e) < 0 &&
        epoll_ctl(l->epoll, known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &e) < 0)
        return -1; /* neither: a number that was closed and given again may be known or not */
    curl_multi_assign(l->multi, fd, l);
    return 0;
}

static int on_timer(CURLM *multi, long ms, void *user)
{
    struct loop *l = user;

    (void)multi;
    l->curl_ns = ms < 0 ? INT64_MAX : lp_clock_ns() + ms * 1000000;
    return 0;
}

static int raise_files(int64_t transfers, struct lp_error *err)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)transfers + OTHER_FILES;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
        return 0;
    if (limit.rlim_max < wanted)
        return lp_error_set(err, LP_E_INVALID,
                            "--learners: %lld need %llu open files, this process may have %llu "
                            "(ulimit -Hn)",
                            (long long)transfers, (unsigned long long)wanted,
                            (unsigned long long)limit.rlim_max);
    limit.rlim_cur = wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        return lp_error_set(err, LP_E_INTERNAL, "cannot raise the limit of open files");
    return 0;
}

static bool watch(const struct loop *l, int fd)
{
    struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };
    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

int loop_new(int64_t transfers, struct lp_stop *stop, loop_ended *ended, void *user,
             struct loop **ret, struct lp_error *err)
{
    int r = raise_files(transfers, err);
    if (r < 0)
        return r;
    struct loop *l = lp_alloc(sizeof *l);
    *l = (struct loop){ .multi = curl_multi_init(),
                        .epoll = epoll_create1(EPOLL_CLOEXEC),
                        .timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK),
                        .stop_fd = stop ? lp_stop_fd(stop) : -1,
                        .curl_ns = INT64_MAX,
                        .ended = ended,
                        .user = user };
    if (!l->multi || l->epoll < 0 || l->timer < 0 || !watch(l, l->timer) ||
        (stop && !watch(l, l->stop_fd))) {
        loop_free(l);
        return lp_error_set(err, LP_E_INTERNAL, "no epoll, timer or libcurl");
    }
    curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS, (long)transfers);
    curl_multi_setopt(l->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING); /* a connection each */
    curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l);
    curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
    *ret = l;
    return 0;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    curl_multi_cleanup(l->multi);
    if (l->timer >= 0)
        close(l->timer);
    if (l->epoll >= 0)
        close(l->epoll);
    free(l);
}

void loop_on_ended(struct loop *l, loop_ended *ended)
{
    l->ended = ended;
}

void loop_add(struct loop *l, CURL *easy)
{
    if (curl_multi_add_handle(l->multi, easy) != CURLM_OK)
        abort();
}

void loop_remove(struct loop *l, CURL *easy)
{
    curl_multi_remove_handle(l->multi, easy);
}

static void take_ended(struct loop *l)
{
    const CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(l->multi, &left))) {
        CURL *easy = m->easy_handle;
        CURLcode code = m->data.result;
        if (m->msg != CURLMSG_DONE)
            continue;
        curl_multi_remove_handle(l->multi, easy);
        l->ended(easy, code, l->user);
    }
}

static void set_timer(const struct loop *l, int64_t at_ns)
{
    struct itimerspec t = { 0 };

    if (at_ns != INT64_MAX) { /* a moment that is past fires at once, 0 would disarm it */
        at_ns = at_ns > 0 ? at_ns : 1;
        t.it_value.tv_sec = (time_t)(at_ns / 1000000000);
        t.it_value.tv_nsec = (long)(at_ns % 1000000000);
    }
    timerfd_settime(l->timer, TFD_TIMER_ABSTIME, &t, NULL);
}

static void act(struct loop *l, const struct epoll_event *e)
{
    int mask = 0, running;

    if (e->data.fd == l->timer || e->data.fd == l->stop_fd)
        return;
    mask |= e->events & EPOLLIN ? CURL_CSELECT_IN : 0;
    mask |= e->events & EPOLLOUT ? CURL_CSELECT_OUT : 0;
    mask |= e->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0;
    curl_multi_socket_action(l->multi, e->data.fd, mask, &running);
}

void loop_wait(struct loop *l, int64_t until_ns)
{
    struct epoll_event events[EVENTS];
    int running;

    set_timer(l, l->curl_ns < until_ns ? l->curl_ns : until_ns);
    int n = epoll_wait(l->epoll, events, EVENTS, -1);
    for (int i = 0; i < n; i++)
        act(l, &events[i]);
    if (l->curl_ns <= lp_clock_ns()) {
        l->curl_ns = INT64_MAX;
        curl_multi_socket_action(l->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    take_ended(l);
}
