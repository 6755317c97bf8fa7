/*
 * Asks every Ready pod for its metrics page, each second.
 *
 * One thread, one epoll. A pod has a connection of its own, which is kept from one question to the
 * next and told to epoll once; a question is one send, and in most cases one recv. A pod that is
 * due takes one of a fixed set of transfers; when all are taken the others wait for the next one to
 * come free. What a page holds goes to the samples as soon as it is there, and is not kept.
 *
 * A kept connection that the pod closed is only found out by asking: then the question is asked
 * once more over a new one.
 *
 * Threads: all but _start, _wake and _join runs in the one thread.
 */
#include "autoscaler/scraper.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "autoscaler/page.h"
#include "autoscaler/telemetry.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/heartbeat.h"
#include "base/limits.h"
#include "base/log.h"

#define LONGEST_WAIT_MS 1000
#define KEPT_CONNECTIONS 1024
#define KEPT_MS 60000 /* unused; those of deleted pods mostly end with the pod */
#define EVENTS 64
#define PIECE 16384
#define NOBODY UINT32_MAX
#define STOP_EVENT UINT64_MAX
#define WAKE_EVENT (UINT64_MAX - 1)

/* `busy` while a pod is being asked. `asked`: the request is sent, `reused`: over a connection that
 * was there before. */
struct transfer {
    struct lp_buf answer;
    struct samples_target target;
    int64_t began_ns, until_ms;
    bool busy, asked, reused;
};

/* The connection to the pod in a slot of the samples, which is the low half of its id. */
struct link {
    uint64_t id; /* of the life of the pod that it leads to */
    int fd;      /* -1: none */
    uint32_t transfer;
    int64_t used_ms;
};

struct scraper {
    struct scraper_options options;
    int poll, wake;
    struct transfer *transfers;
    struct link *links;
    uint32_t n_links;
    unsigned n_free, n_open;
    int64_t next_ms, gauges_ms;
    atomic_bool woken;
    pthread_t thread;
    struct lp_metric *results[SAMPLES_FAILED + 1];
};

/* ---- connections ---- */

static void disconnect(struct scraper *s, struct link *l)
{
    if (l->fd < 0)
        return;
    close(l->fd);
    l->fd = -1;
    s->n_open--;
}

static struct link *link_of(struct scraper *s, uint64_t id)
{
    uint32_t slot = (uint32_t)id;
    if (slot >= s->n_links) {
        uint32_t n = (slot / 64 + 1) * 64;
        s->links = lp_realloc(s->links, n * sizeof *s->links);
        for (; s->n_links < n; s->n_links++)
            s->links[s->n_links] = (struct link){ .fd = -1, .transfer = NOBODY };
    }
    return &s->links[slot];
}

/* The length of the address; 0 where it is none. */
static socklen_t address_of(const char *ip, uint16_t port, struct sockaddr_storage *ret)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    if (inet_pton(AF_INET, ip, &in.sin_addr) == 1) {
        memcpy(ret, &in, sizeof in);
        return sizeof in;
    }
    if (inet_pton(AF_INET6, ip, &in6.sin6_addr) != 1)
        return 0;
    memcpy(ret, &in6, sizeof in6);
    return sizeof in6;
}

/* Begins a connection. 0, or the errno. */
static int connect_to(struct scraper *s, struct link *l, const struct samples_target *target)
{
    struct sockaddr_storage a = { 0 };
    socklen_t len = address_of(target->ip, s->options.port, &a);
    int fd = len ? socket(a.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0)
        return len ? errno : EINVAL;
    struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                             .data.u64 = (uint64_t)fd << 32 | (uint32_t)target->id };
    int failed = connect(fd, (struct sockaddr *)&a, len) < 0 && errno != EINPROGRESS ? errno : 0;
    if (!failed && epoll_ctl(s->poll, EPOLL_CTL_ADD, fd, &e) < 0)
        failed = errno;
    if (failed) {
        close(fd);
        return failed;
    }
    l->fd = fd;
    l->id = target->id;
    s->n_open++;
    return 0;
}

/* ---- one question ---- */

static void report(struct scraper *s, struct link *l, enum samples_result result,
                   const struct promtext_page *page)
{
    struct transfer *t = &s->transfers[l->transfer];
    lp_metric_add(s->results[result], 1);
    lp_metric_observe(telemetry.scrape_seconds, (double)(lp_clock_ns() - t->began_ns) / 1e9);
    samples_report(s->options.samples, t->target.id, result, page, lp_clock_ms());
    s->next_ms = 0; /* that pod is due again some time, and another may have waited for this */
    s->n_free++;
    t->busy = false;
    l->transfer = NOBODY;
}

static void fail(struct scraper *s, struct link *l, enum samples_result result)
{
    disconnect(s, l);
    report(s, l, result, NULL);
}

static void use_page(struct scraper *s, struct link *l, const struct page *page)
{
    struct promtext_page values;
    struct lp_error err = { 0 };
    if (!page->keep || s->n_open > KEPT_CONNECTIONS)
        disconnect(s, l);
    l->used_ms = lp_clock_ms();
    if (page->status == 200 && promtext_parse(page->body, page->len, &values, &err) == 0) {
        report(s, l, SAMPLES_OK, &values);
        return;
    }
    lp_log_debug("a pod's metrics page is of no use", "why",
                 page->status != 200 ? "status is not 200" : err.msg);
    report(s, l, SAMPLES_FAILED, NULL);
}

/* 0, or the errno; EAGAIN: not connected yet. */
static int send_request(struct scraper *s, struct link *l)
{
    struct transfer *t = &s->transfers[l->transfer];
    const char *ip = t->target.ip;
    char text[256];
    bool v6 = strchr(ip, ':') != NULL;
    int n =
        snprintf(text, sizeof text,
                 "GET /metrics HTTP/1.1\r\nHost: %s%s%s:%u\r\nUser-Agent: lp-adapter/" LP_VERSION
                 "\r\nAccept: text/plain;version=0.0.4\r\n\r\n",
                 v6 ? "[" : "", ip, v6 ? "]" : "", s->options.port);
    if (n < 0 || (size_t)n >= sizeof text)
        return EINVAL;
    ssize_t sent = send(l->fd, text, (size_t)n, MSG_NOSIGNAL);
    if (sent < 0)
        return errno;
    t->asked = true;
    return sent == n ? 0 : EMSGSIZE; /* a socket without room for so little is of no use */
}

static void connect_anew(struct scraper *s, struct link *l)
{
    struct transfer *t = &s->transfers[l->transfer];
    disconnect(s, l);
    t->asked = t->reused = false;
    int failed = connect_to(s, l, &t->target);
    if (failed)
        fail(s, l, failed == ECONNREFUSED ? SAMPLES_REFUSED : SAMPLES_FAILED);
}

/* The connection ended before the answer did. */
static void broken(struct scraper *s, struct link *l)
{
    const struct transfer *t = &s->transfers[l->transfer];
    if (t->reused && t->answer.len == 0)
        connect_anew(s, l);
    else
        fail(s, l, SAMPLES_FAILED);
}

/* Something came, or nothing more will. */
static void look_at_answer(struct scraper *s, struct link *l, bool ended)
{
    struct transfer *t = &s->transfers[l->transfer];
    struct page page;
    enum page_state state =
        t->answer.overflowed ? PAGE_BAD : page_read(t->answer.ptr, t->answer.len, ended, &page);
    if (state == PAGE_WHOLE)
        use_page(s, l, &page);
    else if (state == PAGE_BAD && ended)
        broken(s, l);
    else if (state == PAGE_BAD)
        fail(s, l, SAMPLES_FAILED);
}

static void read_answer(struct scraper *s, struct link *l)
{
    char piece[PIECE];
    ssize_t n = PIECE;
    while (l->transfer != NOBODY && n == PIECE) {
        n = recv(l->fd, piece, sizeof piece, 0);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0) {
            broken(s, l);
            return;
        }
        lp_buf_add(&s->transfers[l->transfer].answer, piece, (size_t)n);
        look_at_answer(s, l, n == 0);
    }
}

static void begin(struct scraper *s, uint32_t at, const struct samples_target *target)
{
    struct transfer *t = &s->transfers[at];
    struct link *l = link_of(s, target->id);
    if (l->transfer != NOBODY)
        fail(s, l, SAMPLES_FAILED); /* of another life; such a report is dropped */
    if (l->id != target->id)
        disconnect(s, l);
    lp_buf_reset(&t->answer);
    t->target = *target;
    t->began_ns = lp_clock_ns();
    t->until_ms = lp_clock_ms() + s->options.deadline_ms;
    t->busy = true;
    t->asked = false;
    t->reused = l->fd >= 0;
    l->transfer = at;
    s->n_free--;
    if (!t->reused || send_request(s, l) != 0)
        connect_anew(s, l);
}

static void begin_due(struct scraper *s)
{
    struct samples_target targets[16];
    unsigned max = s->n_free < LP_COUNT(targets) ? s->n_free : (unsigned)LP_COUNT(targets);
    unsigned n = samples_due(s->options.samples, lp_clock_ms(), targets, max, &s->next_ms);
    uint32_t at = 0;
    for (unsigned i = 0; i < n; i++) {
        while (s->transfers[at].busy)
            at++;
        begin(s, at, &targets[i]);
    }
    if (s->n_free == 0)
        s->next_ms = INT64_MAX; /* the next end of a transfer tells */
}

/* ---- the loop ---- */

static void on_connected(struct scraper *s, struct link *l)
{
    int failed = 0;
    socklen_t len = sizeof failed;
    if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &failed, &len) < 0)
        failed = errno;
    if (!failed)
        failed = send_request(s, l);
    if (failed && failed != EAGAIN && failed != ENOTCONN)
        fail(s, l, failed == ECONNREFUSED ? SAMPLES_REFUSED : SAMPLES_FAILED);
}

static void on_event(struct scraper *s, const struct epoll_event *e)
{
    uint64_t value;
    if (e->data.u64 == STOP_EVENT)
        return;
    if (e->data.u64 == WAKE_EVENT) {
        atomic_store(&s->woken, false);
        if (read(s->wake, &value, sizeof value) == (ssize_t)sizeof value)
            s->next_ms = 0;
        return;
    }
    struct link *l = &s->links[(uint32_t)e->data.u64];
    if (l->fd != (int)(e->data.u64 >> 32))
        return; /* of a connection that ended with an event before this one */
    if (l->transfer != NOBODY && !s->transfers[l->transfer].asked)
        on_connected(s, l);
    else if (l->transfer != NOBODY)
        read_answer(s, l);
    else if (e->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        disconnect(s, l); /* nobody asked */
}

/* Gives up what is late. When the next one will be. */
static int64_t end_late(struct scraper *s, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;
    for (unsigned i = 0; s->n_free < s->options.concurrency && i < s->options.concurrency; i++) {
        const struct transfer *t = &s->transfers[i];
        if (!t->busy)
            continue;
        if (t->until_ms <= now_ms)
            fail(s, link_of(s, t->target.id), SAMPLES_TIMEOUT);
        else if (t->until_ms < next_ms)
            next_ms = t->until_ms;
    }
    return next_ms;
}

static void end_unused(struct scraper *s, int64_t now_ms)
{
    for (uint32_t i = 0; i < s->n_links; i++)
        if (s->links[i].transfer == NOBODY && now_ms - s->links[i].used_ms > KEPT_MS)
            disconnect(s, &s->links[i]);
}

static void each_second(struct scraper *s, int64_t now_ms)
{
    unsigned pods;
    if (now_ms - s->gauges_ms < 1000)
        return;
    s->gauges_ms = now_ms;
    lp_metric_set(telemetry.scrape_age,
                  (double)samples_oldest_age(s->options.samples, now_ms, &pods) / 1000.0);
    lp_metric_set(telemetry.pods, pods);
    lp_metric_set(telemetry.silent, samples_silent(s->options.samples, now_ms));
    end_unused(s, now_ms);
}

static void *run(void *user)
{
    struct scraper *s = user;
    struct epoll_event events[EVENTS];
    lp_heartbeat_begin("scraper", LP_HEARTBEAT_MS);
    while (!lp_stop_requested(s->options.stop)) {
        lp_heartbeat();
        if (lp_clock_ms() >= s->next_ms)
            begin_due(s);
        int64_t now_ms = lp_clock_ms(), next_ms = end_late(s, now_ms);
        each_second(s, now_ms);
        next_ms = s->next_ms < next_ms ? s->next_ms : next_ms;
        int64_t wait = next_ms == INT64_MAX ? LONGEST_WAIT_MS : next_ms - now_ms;
        wait = wait < 0 ? 0 : wait > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : wait;
        int n = epoll_wait(s->poll, events, EVENTS, (int)wait);
        for (int i = 0; i < n; i++)
            on_event(s, &events[i]);
    }
    lp_heartbeat_end();
    return NULL;
}

/* ---- start and end ---- */

static void scraper_free(struct scraper *s)
{
    for (uint32_t i = 0; i < s->n_links; i++)
        disconnect(s, &s->links[i]);
    for (unsigned i = 0; s->transfers && i < s->options.concurrency; i++)
        lp_buf_done(&s->transfers[i].answer);
    if (s->poll >= 0)
        close(s->poll);
    if (s->wake >= 0)
        close(s->wake);
    free(s->transfers);
    free(s->links);
    free(s);
}

static int make_poll(struct scraper *s, struct lp_error *err)
{
    struct epoll_event stop = { .events = EPOLLIN, .data.u64 = STOP_EVENT };
    struct epoll_event wake = { .events = EPOLLIN, .data.u64 = WAKE_EVENT };
    s->poll = epoll_create1(EPOLL_CLOEXEC);
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->poll < 0 || s->wake < 0 ||
        epoll_ctl(s->poll, EPOLL_CTL_ADD, lp_stop_fd(s->options.stop), &stop) < 0 ||
        epoll_ctl(s->poll, EPOLL_CTL_ADD, s->wake, &wake) < 0)
        return lp_error_set(err, LP_E_INTERNAL, "scraper: no epoll: %s", strerror(errno));
    return 0;
}

static void make_transfers(struct scraper *s)
{
    s->n_free = s->options.concurrency;
    s->transfers = lp_calloc(s->n_free, sizeof *s->transfers);
    for (unsigned i = 0; i < s->n_free; i++)
        s->transfers[i].answer = (struct lp_buf)LP_BUF_INIT(LP_LIMIT_SCRAPE_BYTES);
}

int scraper_start(const struct scraper_options *options, struct scraper **ret_scraper,
                  struct lp_error *err)
{
    static const char *const results[] = { "ok", "timeout", "refused", "failed" };
    struct scraper *s = lp_alloc(sizeof *s);
    s->options = *options;
    if (s->options.deadline_ms == 0)
        s->options.deadline_ms = 500;
    if (s->options.concurrency == 0)
        s->options.concurrency = 64;
    for (unsigned i = 0; i < LP_COUNT(results); i++)
        s->results[i] = lp_metric_with(telemetry.scrapes, results[i]);
    make_transfers(s);
    int r = make_poll(s, err);
    if (r == 0 && pthread_create(&s->thread, NULL, run, s) != 0)
        r = lp_error_set(err, LP_E_INTERNAL, "scraper: cannot start its thread");
    if (r < 0) {
        scraper_free(s);
        return r;
    }
    pthread_setname_np(s->thread, "scraper");
    *ret_scraper = s;
    return 0;
}

void scraper_wake(struct scraper *s)
{
    const uint64_t one = 1;
    if (!atomic_exchange(&s->woken, true) && write(s->wake, &one, sizeof one) < 0)
        lp_log_debug("the scraper is awake already");
}

void scraper_join(struct scraper *s)
{
    if (!s)
        return;
    pthread_join(s->thread, NULL);
    scraper_free(s);
}
