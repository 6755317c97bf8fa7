/* test/unit/test_kube_watch.c -- a watch against a server that breaks in every way: what the sink
 * sees stays true. */
#include "kube/watch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fake/fake_kube.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "metrics/metrics.h"
#include "unit/check.h"

#define WAIT_MS 30000

#define OBJECT(name, version)                                                                    \
    "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"namespace\":\"n\",\"name\":\"" name \
    "\",\"labels\":{\"l\":\"" name "\"},\"resourceVersion\":\"" version "\"}}"
#define EVENT(type, name, version) "{\"type\":\"" type "\",\"object\":" OBJECT(name, version) "}\n"
#define INITIAL_END(version)                                                                 \
    "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"metadata\":{\"resourceVersion\":" \
    "\"" version "\",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}\n"
#define BOOKMARK(version)                                                                    \
    "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Pod\",\"metadata\":{\"resourceVersion\":" \
    "\"" version "\"}}}\n"
#define GONE \
    "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}}\n"
#define LIST(version, items) \
    "{\"metadata\":{\"resourceVersion\":\"" version "\"},\"items\":[" items "]}"

struct setup {
    struct fake_kube *fake;
    struct lp_kube_config *config;
    struct lp_stop *stop;
    struct lp_kube_watch *watch;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char log[4096];
};

static void note(struct setup *s, const char *what, const char *name)
{
    pthread_mutex_lock(&s->lock);
    size_t n = strlen(s->log);
    snprintf(s->log + n, sizeof s->log - n, "%s%s ", what, name);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void on_event(enum lp_kube_event event, json_t *object, void *user)
{
    static const char *const marks[] = { "+", "~", "-" };
    const char *label = lp_json_str(object, "metadata", "labels", "l", NULL);
    note(user, marks[event], label ? label : "?");
}

static void on_synced(void *user)
{
    note(user, "synced", "");
}

static void on_failed(const struct lp_error *err, int64_t retry_ms, void *user)
{
    note(user, "!", lp_error_name(err->code));
    assert_in_range(retry_ms, 720, 33000);
}

static void begin_at(struct setup *s, const struct fake_answer *script, bool cached_first,
                     int64_t initial_events_ms)
{
    struct lp_kube_watch_options options = {
        .kind = &lp_kube_pods,
        .label_selector = "l",
        .name = "watch-test",
        .initial_events_ms = initial_events_ms,
        .cached_first = cached_first,
        .sink = { .event = on_event, .synced = on_synced, .failed = on_failed, .user = s },
    };
    struct lp_error err;

    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    s->log[0] = '\0';
    s->fake = fake_kube_start(script);
    s->config = fake_kube_config(s->fake, NULL);
    s->stop = lp_stop_new();
    assert_int_equal(lp_kube_watch_start(s->config, s->stop, &options, &s->watch, &err), 0);
}

static void begin(struct setup *s, const struct fake_answer *script)
{
    begin_at(s, script, false, 60000);
}

/* Waits until the log is `want`. */
static void await(struct setup *s, const char *want)
{
    struct timespec end = lp_clock_deadline(WAIT_MS);
    int r = 0;

    pthread_mutex_lock(&s->lock);
    while (strlen(s->log) < strlen(want) && r == 0)
        r = pthread_cond_clockwait(&s->changed, &s->lock, CLOCK_MONOTONIC, &end);
    pthread_mutex_unlock(&s->lock);
    assert_string_equal(s->log, want);
}

static void end(struct setup *s)
{
    lp_stop_request(s->stop);
    lp_kube_watch_join(s->watch);
    lp_stop_free(s->stop);
    lp_kube_config_free(s->config);
    fake_kube_stop(s->fake);
}

static void assert_asked(struct setup *s, const char *part)
{
    lp_auto_buf struct lp_buf seen = LP_BUF_INIT(65536);
    fake_kube_requests(s->fake, &seen);
    if (!strstr(seen.ptr, part))
        fail_msg("%s was not asked:\n%s", part, seen.ptr);
}

static void a_watch_list_is_one_stream_however_it_is_cut(void **state)
{
    static const struct fake_answer script[] = {
        { .match = "sendInitialEvents=true",
          .status = 200,
          .chunk = 1,
          .stall = true,
          .body = EVENT("ADDED", "a", "3") EVENT("ADDED", "b", "2") INITIAL_END("5")
              EVENT("ADDED", "c", "6") EVENT("MODIFIED", "a", "7") EVENT("DELETED", "b", "8") },
        FAKE_END
    };
    struct setup s;
    (void)state;
    begin(&s, script);
    await(&s, "+a +b synced +c ~a -b ");
    assert_true(lp_kube_watch_synced(s.watch));
    assert_in_range(lp_kube_watch_silence_ms(s.watch), 0, WAIT_MS);
    assert_asked(&s, "allowWatchBookmarks=true");
    assert_asked(&s, "resourceVersionMatch=NotOlderThan");
    assert_asked(&s, "labelSelector=l");
    end(&s);
}

static void a_server_without_watch_list_is_listed_then_watched(void **state)
{
    static const struct fake_answer script[] = {
        { .match = "sendInitialEvents",
          .status = 422,
          .times = 1,
          .body = "{\"message\":\"sendInitialEvents is forbidden\"}" },
        { .match = "limit=500", .status = 200, .body = LIST("9", OBJECT("a", "3")) },
        { .match = "resourceVersion=9",
          .status = 200,
          .stall = true,
          .chunk = 4096,
          .body = EVENT("ADDED", "b", "10") },
        FAKE_END
    };
    struct setup s;
    (void)state;
    begin(&s, script);
    await(&s, "+a synced +b ");
    end(&s);
}

static void initial_events_that_never_end_become_a_list(void **state)
{
    static const struct fake_answer script[] = {
        { .match = "sendInitialEvents",
          .status = 200,
          .stall = true,
          .chunk = 4096,
          .body = EVENT("ADDED", "a", "3") BOOKMARK("4") },
        { .match = "limit=500", .status = 200, .body = LIST("9", OBJECT("a", "3")) },
        { .match = "resourceVersion=9",
          .status = 200,
          .stall = true,
          .chunk = 4096,
          .body = EVENT("ADDED", "b", "10") },
        FAKE_END
    };
    struct setup s;
    (void)state;
    begin_at(&s, script, false, 300);
    await(&s, "+a synced +b ");
    end(&s);
}

static void an_expired_watch_lists_again_and_tells_what_vanished(void **state)
{
    static const struct fake_answer script[] = {
        { .match = "sendInitialEvents",
          .status = 200,
          .times = 1,
          .chunk = 4096,
          .body = EVENT("ADDED", "a", "3") EVENT("ADDED", "b", "2") EVENT("ADDED", "c", "4")
              INITIAL_END("5") GONE },
        { .match = "sendInitialEvents",
          .status = 200,
          .stall = true,
          .chunk = 4096,
          .body = EVENT("ADDED", "a", "3") EVENT("ADDED", "c", "11") EVENT("ADDED", "d", "12")
              INITIAL_END("20") },
        FAKE_END
    };
    struct setup s;
    (void)state;
    begin(&s, script);
    await(&s, "+a +b +c synced !gone ~c +d -b ");
    end(&s);
}

/* A list after that from a cache could go back in time. */
static void only_the_first_list_may_come_from_a_cache(void **state)
{
    static const struct fake_answer script[] = {
        { .match = "resourceVersion=0",
          .status = 200,
          .times = 1,
          .chunk = 4096,
          .body = EVENT("ADDED", "a", "3") INITIAL_END("5") GONE },
        { .match = "sendInitialEvents",
          .status = 200,
          .stall = true,
          .chunk = 4096,
          .body = EVENT("ADDED", "a", "6") INITIAL_END("20") },
        FAKE_END
    };
    struct setup s;
    lp_auto_buf struct lp_buf seen = LP_BUF_INIT(65536);
    (void)state;
    begin_at(&s, script, true, 60000);
    await(&s, "+a synced !gone ~a ");
    fake_kube_requests(s.fake, &seen);
    const char *first = strstr(seen.ptr, "resourceVersion=");
    assert_non_null(first);
    assert_int_equal(strncmp(first, "resourceVersion=0&", 18), 0);
    assert_null(strstr(first + 1, "resourceVersion=0&"));
    end(&s);
}

static void http_410_lists_again_too(void **state)
{
    static const struct fake_answer script[] = {
        {
            .match = "sendInitialEvents",
            .status = 200,
            .times = 1,
            .chunk = 4096,
            .body = EVENT("ADDED", "a", "3") INITIAL_END("5"),
        },
        { .match = "resourceVersion=5", .status = 410, .times = 1 },
        { .match = "sendInitialEvents",
          .status = 200,
          .stall = true,
          .chunk = 4096,
          .body = INITIAL_END("20") },
        FAKE_END
    };
    struct setup s;
    (void)state;
    begin(&s, script);
    await(&s, "+a synced !gone -a ");
    end(&s);
}

#define KEPT EVENT("ADDED", "a", "3") INITIAL_END("5") EVENT("MODIFIED", "a", "6") BOOKMARK("77")

static void a_broken_stream_goes_on_from_the_last_version(void **state)
{
    static const struct fake_answer script[] = { { .match = "sendInitialEvents",
                                                   .status = 200,
                                                   .times = 1,
                                                   .chunk = 4096,
                                                   .body = KEPT EVENT("ADDED", "lost", "78"),
                                                   .cut = sizeof(KEPT) + 20 },
                                                 { .match = "resourceVersion=77",
                                                   .status = 200,
                                                   .chunk = 4096,
                                                   .times = 1,
                                                   .body = "{\"type\":\"ADDED\",\"obj" },
                                                 { .match = "resourceVersion=77",
                                                   .status = 200,
                                                   .stall = true,
                                                   .chunk = 4096,
                                                   .body = EVENT("ADDED", "b", "81") },
                                                 FAKE_END };
    struct setup s;
    (void)state;
    begin(&s, script);
    await(&s, "+a synced ~a !unavailable !unavailable +b ");
    end(&s);
}

static void garbage_and_refusals_are_tried_again(void **state)
{
    static const struct fake_answer script[] = {
        { .close = true, .times = 1 },
        { .status = 500, .times = 1 },
        { .match = "sendInitialEvents", .status = 200, .body = "<html>\n", .times = 1 },
        { .match = "limit=500", .status = 200, .body = LIST("9", OBJECT("a", "3")) },
        { .match = "resourceVersion=9",
          .status = 200,
          .stall = true,
          .chunk = 4096,
          .body = EVENT("ADDED", "b", "10") },
        FAKE_END
    };
    struct setup s;
    (void)state;
    begin(&s, script);
    await(&s, "!unavailable !unavailable +a synced +b ");
    end(&s);
}

/* A dead connection looks like one on which nothing happens. */
static void a_silent_stream_is_made_anew_after_a_request_without_an_answer(void **state)
{
    static const struct fake_answer script[] = { { .match = "sendInitialEvents",
                                                   .status = 200,
                                                   .times = 1,
                                                   .stall = true,
                                                   .chunk = 4096,
                                                   .body =
                                                       EVENT("ADDED", "a", "3") INITIAL_END("5") },
                                                 { .match = "resourceVersion=5",
                                                   .status = 200,
                                                   .stall = true,
                                                   .chunk = 4096,
                                                   .body = EVENT("ADDED", "b", "10") },
                                                 { .match = "pods/silent", .silent = true },
                                                 FAKE_END };
    struct lp_kube_client_options options = { .total_timeout_ms = 100 };
    lp_auto_kube_client struct lp_kube_client *client = NULL;
    struct lp_error err;
    struct setup s;
    (void)state;
    begin(&s, script);
    await(&s, "+a synced ");
    assert_int_equal(lp_kube_client_new(s.config, &options, &client, &err), 0);
    /* Begun a clock's tick after the last sign of life. */
    while (lp_kube_watch_silence_ms(s.watch) < 2)
        poll(NULL, 0, 1);
    assert_int_equal(lp_kube_get(client, &lp_kube_pods, "n", "silent", NULL, &err), LP_E_TIMEOUT);
    await(&s, "+a synced +b ");
    end(&s);
}

static void a_line_that_does_not_end_is_not_waited_for(void **state)
{
    static const struct fake_answer script[] = { { .match = "sendInitialEvents",
                                                   .status = 200,
                                                   .times = 1,
                                                   .stall = true,
                                                   .chunk = 4096,
                                                   .body = EVENT("ADDED", "a", "3")
                                                       INITIAL_END("5") "{\"type\":" },
                                                 { .match = "resourceVersion=5",
                                                   .status = 200,
                                                   .stall = true,
                                                   .chunk = 4096,
                                                   .body = EVENT("ADDED", "b", "10") },
                                                 FAKE_END };
    struct setup s;
    (void)state;
    begin(&s, script);
    await(&s, "+a synced +b ");
    end(&s);
}

static void a_stop_ends_the_back_off(void **state)
{
    static const struct fake_answer script[] = {
        { .status = 503, .headers = "Retry-After: 30\r\n" }, FAKE_END
    };
    struct setup s;
    (void)state;
    begin(&s, script);
    await(&s, "!unavailable ");
    int64_t start = lp_clock_ms();
    end(&s);
    assert_true(lp_clock_ms() - start < 25000);
}

static double counted(const char *text, const char *series)
{
    const char *at = strstr(text, series);
    return at ? strtod(at + strlen(series), NULL) : -1;
}

static void lists_streams_and_their_failures_are_counted(void **state)
{
    static const char gone[] = "lp_kube_watch_failures_total{kind=\"Pod\",reason=\"gone\"} ";
    static const char lists[] = "lp_kube_watch_lists_total{kind=\"Pod\"} ";
    static const char streams[] = "lp_kube_watch_streams_total{kind=\"Pod\"} ";
    static const struct fake_answer script[] = { { .match = "sendInitialEvents=true",
                                                   .status = 200,
                                                   .body = INITIAL_END("5"),
                                                   .stall = true,
                                                   .chunk = 64 },
                                                 FAKE_END };
    static const struct fake_answer refused[] = { { .status = 410, .body = "{\"code\":410}" },
                                                  FAKE_END };
    lp_auto_buf struct lp_buf before = LP_BUF_INIT(1 << 20), after = LP_BUF_INIT(1 << 20);
    struct setup s;
    (void)state;
    begin(&s, script);
    await(&s, "synced ");
    end(&s);
    assert_int_equal(lp_metrics_write(&before, &(struct lp_error){ .code = 0 }), 0);
    begin(&s, refused);
    await(&s, "!gone ");
    end(&s);
    assert_int_equal(lp_metrics_write(&after, &(struct lp_error){ .code = 0 }), 0);
    assert_true(counted(before.ptr, lists) >= 1);
    assert_true(counted(before.ptr, streams) >= 1);
    assert_true(counted(after.ptr, streams) >= counted(before.ptr, streams) + 1);
    double earlier = counted(before.ptr, gone); /* -1 where the series is not there yet */
    assert_true(counted(after.ptr, gone) >= (earlier < 0 ? 0 : earlier) + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_watch_list_is_one_stream_however_it_is_cut),
        cmocka_unit_test(a_server_without_watch_list_is_listed_then_watched),
        cmocka_unit_test(initial_events_that_never_end_become_a_list),
        cmocka_unit_test(an_expired_watch_lists_again_and_tells_what_vanished),
        cmocka_unit_test(only_the_first_list_may_come_from_a_cache),
        cmocka_unit_test(http_410_lists_again_too),
        cmocka_unit_test(a_broken_stream_goes_on_from_the_last_version),
        cmocka_unit_test(garbage_and_refusals_are_tried_again),
        cmocka_unit_test(a_silent_stream_is_made_anew_after_a_request_without_an_answer),
        cmocka_unit_test(a_line_that_does_not_end_is_not_waited_for),
        cmocka_unit_test(a_stop_ends_the_back_off),
        cmocka_unit_test(lists_streams_and_their_failures_are_counted),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("kube_watch", tests, NULL, NULL);
}
