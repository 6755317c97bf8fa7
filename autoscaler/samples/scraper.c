/*
 * Asks every Ready pod for its metrics page, each second.
 *
 * One thread drives a fixed set of libcurl handles over one multi handle; connections are kept
 * alive. A pod that is due takes a free handle; when all are taken the others wait for the next one
 * to come free. What a page holds goes to the samples as soon as it is there, and is not kept.
 *
 * Threads: all but _start, _wake and _join runs in the one thread.
 */
#include "autoscaler/samples/scraper.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "autoscaler/base/telemetry.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/heartbeat.h"
#include "base/log.h"

#define LONGEST_WAIT_MS 1000
#define KEPT_CONNECTIONS 1024L

/* `busy` while a pod is being asked. */
struct transfer {
    CURL *easy;
    struct lp_buf page;
    uint64_t id;
    int64_t began_ns;
    bool busy;
};

struct scraper {
    struct scraper_options options;
    CURLM *multi;
    struct curl_slist *headers;
    struct transfer *transfers;
    unsigned n_free;
    int64_t gauges_ms;
    pthread_t thread;
    struct lp_metric *results[SAMPLES_FAILED + 1];
};

static size_t take_bytes(char *bytes, size_t size, size_t n, void *user)
{
    struct transfer *t = user;
    lp_buf_add(&t->page, bytes, size * n);
    return t->page.overflowed ? 0 : n;
}

static int prepare(struct scraper *s, struct transfer *t, struct lp_error *err)
{
    CURL *e = t->easy = curl_easy_init();
    if (!e)
        return lp_error_set(err, LP_E_INTERNAL, "scraper: libcurl gives no handle");
    t->page = (struct lp_buf)LP_BUF_INIT(LP_LIMIT_SCRAPE_BYTES);
    long deadline = (long)s->options.deadline_ms;
    CURLcode r = curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    r = r ? r : curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http");
    r = r ? r : curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
    r = r ? r : curl_easy_setopt(e, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    r = r ? r : curl_easy_setopt(e, CURLOPT_USERAGENT, "lp-adapter/" LP_VERSION);
    r = r ? r : curl_easy_setopt(e, CURLOPT_HTTPHEADER, s->headers);
    r = r ? r : curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, deadline);
    r = r ? r : curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, deadline);
    /* Addresses need no cache of names: libcurl walks all of it at the end of each transfer, which
     * with 1,000 pods was a sixth of the time of this thread. */
    r = r ? r : curl_easy_setopt(e, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    r = r ? r : curl_easy_setopt(e, CURLOPT_PORT, (long)s->options.port);
    r = r ? r : curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_bytes);
    r = r ? r : curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
    r = r ? r : curl_easy_setopt(e, CURLOPT_PRIVATE, t);
    return r ? lp_error_set(err, LP_E_INTERNAL, "scraper: %s", curl_easy_strerror(r)) : 0;
}

static void report(struct scraper *s, struct transfer *t, enum samples_result result,
                   const struct promtext_page *page)
{
    lp_metric_add(s->results[result], 1);
    lp_metric_observe(telemetry.scrape_seconds, (double)(lp_clock_ns() - t->began_ns) / 1e9);
    samples_report(s->options.samples, t->id, result, page, lp_clock_ms());
    t->busy = false;
    s->n_free++;
}

static void begin(struct scraper *s, struct transfer *t, const struct samples_target *target)
{
    lp_auto_buf struct lp_buf url = LP_BUF_INIT(128);
    bool v6 = strchr(target->ip, ':') != NULL;
    lp_buf_printf(&url, v6 ? "http://[%s]/metrics" : "http://%s/metrics", target->ip);
    lp_buf_reset(&t->page);
    t->id = target->id;
    t->began_ns = lp_clock_ns();
    t->busy = true;
    s->n_free--;
    if (curl_easy_setopt(t->easy, CURLOPT_URL, url.ptr) != CURLE_OK ||
        curl_multi_add_handle(s->multi, t->easy) != CURLM_OK)
        report(s, t, SAMPLES_FAILED, NULL);
}

static void begin_due(struct scraper *s, int64_t *ret_next_ms)
{
    struct samples_target targets[16];
    unsigned max = s->n_free < LP_COUNT(targets) ? s->n_free : (unsigned)LP_COUNT(targets);
    unsigned n = samples_due(s->options.samples, lp_clock_ms(), targets, max, ret_next_ms);
    unsigned at = 0;
    for (unsigned i = 0; i < n; i++) {
        while (s->transfers[at].busy)
            at++;
        begin(s, &s->transfers[at], &targets[i]);
    }
    if (s->n_free == 0)
        *ret_next_ms = INT64_MAX; /* the next transfer that ends makes room */
}

static enum samples_result failure_of(struct transfer *t, CURLcode code)
{
    long system_error = 0;
    if (code == CURLE_OPERATION_TIMEDOUT)
        return SAMPLES_TIMEOUT;
    curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &system_error);
    return code == CURLE_COULDNT_CONNECT && system_error == ECONNREFUSED ? SAMPLES_REFUSED
                                                                         : SAMPLES_FAILED;
}

static void end(struct scraper *s, struct transfer *t, CURLcode code)
{
    struct promtext_page page;
    struct lp_error err = { 0 };
    long status = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(s->multi, t->easy);
    if (code != CURLE_OK) {
        report(s, t, failure_of(t, code), NULL);
    } else if (status != 200 || promtext_parse(t->page.ptr, t->page.len, &page, &err) < 0) {
        lp_log_debug("a pod's metrics page is of no use", "why",
                     status != 200 ? "status is not 200" : err.msg);
        report(s, t, SAMPLES_FAILED, NULL);
    } else {
        report(s, t, SAMPLES_OK, &page);
    }
}

/* True where a handle came free. */
static bool end_done(struct scraper *s)
{
    int left;
    bool any = false;
    for (CURLMsg *m; (m = curl_multi_info_read(s->multi, &left)) != NULL;) {
        char *t = NULL;
        if (m->msg != CURLMSG_DONE)
            continue;
        CURLcode code = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
        end(s, (struct transfer *)(void *)t, code);
        any = true;
    }
    return any;
}

static void set_gauges(struct scraper *s)
{
    int64_t now = lp_clock_ms();
    if (now - s->gauges_ms < 1000)
        return;
    unsigned pods;
    s->gauges_ms = now;
    lp_metric_set(telemetry.scrape_age,
                  (double)samples_oldest_age(s->options.samples, now, &pods) / 1000.0);
    lp_metric_set(telemetry.pods, pods);
    lp_metric_set(telemetry.silent, samples_silent(s->options.samples, now));
}

static void *run_scraper(void *user)
{
    struct scraper *s = user;
    struct curl_waitfd stop = { .fd = lp_stop_fd(s->options.stop), .events = CURL_WAIT_POLLIN };
    lp_heartbeat_begin("scraper", LP_HEARTBEAT_MS);
    while (!lp_stop_requested(s->options.stop)) {
        int64_t next_ms;
        lp_heartbeat();
        int running;
        begin_due(s, &next_ms);
        curl_multi_perform(s->multi, &running);
        bool freed = end_done(s);
        set_gauges(s);
        int64_t wait = next_ms == INT64_MAX ? LONGEST_WAIT_MS : next_ms - lp_clock_ms();
        wait = freed || wait < 0 ? 0 : wait > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : wait;
        curl_multi_poll(s->multi, &stop, 1, (int)wait, NULL);
    }
    lp_heartbeat_end();
    return NULL;
}

static void scraper_free(struct scraper *s)
{
    for (unsigned i = 0; s->transfers && i < s->options.concurrency; i++) {
        struct transfer *t = &s->transfers[i];
        if (!t->easy)
            continue;
        if (t->busy)
            curl_multi_remove_handle(s->multi, t->easy);
        curl_easy_cleanup(t->easy);
        lp_buf_done(&t->page);
    }
    curl_multi_cleanup(s->multi);
    curl_slist_free_all(s->headers);
    free(s->transfers);
    free(s);
}

static int make_handles(struct scraper *s, struct lp_error *err)
{
    s->multi = curl_multi_init();
    s->headers = curl_slist_append(NULL, "Accept: text/plain;version=0.0.4");
    if (!s->multi || !s->headers)
        return lp_error_set(err, LP_E_INTERNAL, "scraper: libcurl gives no handle");
    curl_multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS);
    s->n_free = s->options.concurrency;
    s->transfers = lp_calloc(s->n_free, sizeof *s->transfers);
    int r = 0;
    for (unsigned i = 0; r == 0 && i < s->options.concurrency; i++)
        r = prepare(s, &s->transfers[i], err);
    return r;
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
    int r = make_handles(s, err);
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
    curl_multi_wakeup(s->multi);
}

void scraper_join(struct scraper *s)
{
    if (!s)
        return;
    pthread_join(s->thread, NULL);
    scraper_free(s);
}
