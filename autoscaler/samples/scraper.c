/*
 * Asks every Ready pod for its metrics page, each second.
 *
 * One thread, one epoll, a fixed set of scrapes. A pod that is due takes a free one; when all are
 * taken the others wait for the next to come free. Connections are kept (connections.h). What a
 * page holds goes to the samples as soon as it is there, and is not kept.
 *
 * A client of its own, not libcurl: with 1,000 pods libcurl's walks over its kept connections and
 * its allocations for each transfer were 60 % of this thread's time. bench/adapter, both on a busy
 * machine: 10.9 % of a core and 17.6 MiB of the whole operator with it, 4.6 % and 9.6 MiB so.
 *
 * Threads: all but _start, _wake and _join runs in the one thread.
 */
#include "autoscaler/samples/scraper.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "autoscaler/base/telemetry.h"
#include "autoscaler/samples/connections.h"
#include "autoscaler/samples/page.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/heartbeat.h"
#include "base/log.h"

#define LONGEST_WAIT_MS 1000
#define IDLE_MS 10000 /* each pod is asked every second */

/* `connection` while a pod is being asked. */
struct scrape {
    struct connection *connection;
    struct samples_target target;
    int64_t began_ns;
    bool again; /* a kept connection was of no use any more: this is a new one */
    struct page page;
};

struct scraper {
    struct scraper_options options;
    struct connections connections;
    struct scrape *scrapes;
    unsigned n_free;
    int wake; /* eventfd */
    int64_t second_ms;
    pthread_t thread;
    struct lp_metric *results[SAMPLES_FAILED + 1];
};

static void report(struct scraper *s, struct scrape *t, enum samples_result result,
                   const struct promtext_page *page)
{
    lp_metric_add(s->results[result], 1);
    lp_metric_observe(telemetry.scrape_seconds, (double)(lp_clock_ns() - t->began_ns) / 1e9);
    samples_report(s->options.samples, t->target.id, result, page, lp_clock_ms());
    t->connection = NULL;
    s->n_free++;
}

/* Nothing more of this scrape's connection. */
static void give_up(struct scraper *s, struct scrape *t, enum samples_result result)
{
    if (t->connection)
        connections_close(&s->connections, t->connection);
    report(s, t, result, NULL);
}

static enum samples_result failure_of(int why)
{
    return why == ECONNREFUSED ? SAMPLES_REFUSED : SAMPLES_FAILED;
}

static void open_connection(struct scraper *s, struct scrape *t)
{
    t->connection = connections_open(&s->connections, &t->target);
    if (t->connection)
        t->connection->user = t;
    else
        give_up(s, t, failure_of(errno));
}

/* The pod had closed a kept connection when we asked: once more on a new one (RFC 9112, 9.3.1). */
static void ask_again(struct scraper *s, struct scrape *t)
{
    connections_close(&s->connections, t->connection);
    t->again = true;
    page_reset(&t->page);
    open_connection(s, t);
}

static bool may_ask_again(const struct scrape *t)
{
    return t->connection->used && !t->again && !t->page.any;
}

static void ask(struct scraper *s, struct scrape *t)
{
    if (connections_ask(&s->connections, t->connection, t->target.ip))
        return;
    if (may_ask_again(t))
        ask_again(s, t);
    else
        give_up(s, t, SAMPLES_FAILED);
}

static void begin(struct scraper *s, struct scrape *t, const struct samples_target *target)
{
    t->target = *target;
    t->began_ns = lp_clock_ns();
    t->again = false;
    page_reset(&t->page);
    s->n_free--;
    t->connection = connections_idle(&s->connections, target->id);
    if (!t->connection) {
        open_connection(s, t);
        return;
    }
    t->connection->user = t;
    ask(s, t);
}

static void begin_due(struct scraper *s, int64_t *ret_next_ms)
{
    struct samples_target targets[16];
    unsigned max = s->n_free < LP_COUNT(targets) ? s->n_free : (unsigned)LP_COUNT(targets);
    unsigned n = samples_due(s->options.samples, lp_clock_ms(), targets, max, ret_next_ms);
    unsigned at = 0;
    for (unsigned i = 0; i < n; i++) {
        while (s->scrapes[at].connection)
            at++;
        begin(s, &s->scrapes[at], &targets[i]);
    }
    if (s->n_free == 0)
        *ret_next_ms = INT64_MAX; /* the next scrape that ends makes room */
}

static void take_page(struct scraper *s, struct scrape *t)
{
    struct promtext_page page;
    struct lp_error err = { 0 };
    size_t len;
    const char *body = page_body(&t->page, &len);

    if (t->page.keep)
        connections_keep(&s->connections, t->connection, lp_clock_ms());
    else
        connections_close(&s->connections, t->connection);
    if (t->page.status == 200 && promtext_parse(body, len, &page, &err) == 0) {
        report(s, t, SAMPLES_OK, &page);
        return;
    }
    lp_log_debug("a pod's metrics page is of no use", "why",
                 t->page.status != 200 ? "status is not 200" : err.msg);
    report(s, t, SAMPLES_FAILED, NULL);
}

static void receive(struct scraper *s, struct scrape *t)
{
    char bytes[16384];
    ssize_t n = recv(t->connection->fd, bytes, sizeof bytes, 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 && may_ask_again(t)) {
        ask_again(s, t);
        return;
    }
    enum page_state state = n > 0    ? page_take(&t->page, bytes, (size_t)n)
                            : n == 0 ? page_end(&t->page)
                                     : PAGE_BAD;
    if (state == PAGE_WHOLE)
        take_page(s, t);
    else if (state == PAGE_BAD)
        give_up(s, t, SAMPLES_FAILED);
}

static void on_event(struct scraper *s, struct connection *n)
{
    struct scrape *t = n->user;

    if (!t) {
        connections_close(&s->connections, n); /* idle: it has ended, or says what nobody asked */
    } else if (n->connecting) {
        int why = connections_connected(&s->connections, n);
        if (why == 0)
            ask(s, t);
        else
            give_up(s, t, failure_of(why));
    } else {
        receive(s, t);
    }
}

/* When the next scrape's time is over; INT64_MAX: none is under way. */
static int64_t end_late(struct scraper *s)
{
    int64_t now_ns = lp_clock_ns(), next_ns = INT64_MAX;

    for (unsigned i = 0; i < s->options.concurrency; i++) {
        struct scrape *t = &s->scrapes[i];
        int64_t end_ns = t->began_ns + s->options.deadline_ms * 1000000;
        if (t->connection && end_ns <= now_ns)
            give_up(s, t, SAMPLES_TIMEOUT);
        else if (t->connection && end_ns < next_ns)
            next_ns = end_ns;
    }
    return next_ns == INT64_MAX ? INT64_MAX : next_ns / 1000000 + 1;
}

static void each_second(struct scraper *s)
{
    int64_t now = lp_clock_ms();
    if (now - s->second_ms < 1000)
        return;
    unsigned pods;
    s->second_ms = now;
    connections_expire(&s->connections, now, IDLE_MS);
    lp_metric_set(telemetry.scrape_age,
                  (double)samples_oldest_age(s->options.samples, now, &pods) / 1000.0);
    lp_metric_set(telemetry.pods, pods);
    lp_metric_set(telemetry.silent, samples_silent(s->options.samples, now));
}

/* The descriptors of stop and wake come without a connection. */
static void wait_for_events(struct scraper *s, int64_t until_ms)
{
    struct epoll_event events[64];
    int64_t wait = until_ms == INT64_MAX ? LONGEST_WAIT_MS : until_ms - lp_clock_ms();
    uint64_t woken;

    wait = wait < 0 ? 0 : wait > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : wait;
    int n = epoll_wait(s->connections.epoll, events, LP_COUNT(events), (int)wait);
    for (int i = 0; i < n; i++) {
        if (events[i].data.ptr)
            on_event(s, events[i].data.ptr);
        else if (read(s->wake, &woken, sizeof woken) < 0 && errno != EAGAIN)
            lp_log_error("scraper: cannot read its eventfd", "why", strerror(errno));
    }
}

static void *run_scraper(void *user)
{
    struct scraper *s = user;
    lp_heartbeat_begin("scraper", LP_HEARTBEAT_MS);
    while (!lp_stop_requested(s->options.stop)) {
        int64_t due_ms;
        lp_heartbeat();
        int64_t late_ms = end_late(s);
        begin_due(s, &due_ms);
        each_second(s);
        wait_for_events(s, due_ms < late_ms ? due_ms : late_ms);
    }
    lp_heartbeat_end();
    return NULL;
}

static void scraper_free(struct scraper *s)
{
    connections_done(&s->connections);
    for (unsigned i = 0; s->scrapes && i < s->options.concurrency; i++)
        page_done(&s->scrapes[i].page);
    if (s->wake >= 0)
        close(s->wake);
    free(s->scrapes);
    free(s);
}

static int watch(const struct scraper *s, int fd)
{
    struct epoll_event event = { .events = EPOLLIN };
    return epoll_ctl(s->connections.epoll, EPOLL_CTL_ADD, fd, &event);
}

static int make_loop(struct scraper *s, struct lp_error *err)
{
    int r = connections_init(&s->connections, s->options.port, err);

    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r == 0 &&
        (s->wake < 0 || watch(s, s->wake) < 0 || watch(s, lp_stop_fd(s->options.stop)) < 0))
        r = lp_error_set(err, LP_E_UNAVAILABLE, "scraper: no eventfd: %s", strerror(errno));
    return r;
}

static void make_scrapes(struct scraper *s)
{
    s->n_free = s->options.concurrency;
    s->scrapes = lp_calloc(s->n_free, sizeof *s->scrapes);
    for (unsigned i = 0; i < s->options.concurrency; i++)
        page_init(&s->scrapes[i].page);
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
    samples_set_handles(s->options.samples, s->options.concurrency);
    make_scrapes(s);
    int r = make_loop(s, err);
    if (r == 0 && pthread_create(&s->thread, NULL, run_scraper, s) != 0)
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
    ssize_t n = write(s->wake, &one, sizeof one); /* it fails only where the wake is due already */
    (void)n;
}

void scraper_join(struct scraper *s)
{
    if (!s)
        return;
    pthread_join(s->thread, NULL);
    scraper_free(s);
}
