/* test/unit/test_operator_cache.c -- which changes of a LearningPlatform are worth a reconcile. */
#include "operator/cache/cache.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fake/fake_kube.h"
#include "json/json.h"
#include "unit/check.h"

#define WAIT_MS 30000
#define EVENT(type, version, generation, metadata, more)                                    \
    "{\"type\":\"" type "\",\"object\":{\"apiVersion\":\"learningplatform.io/v1alpha1\","   \
    "\"kind\":\"LearningPlatform\",\"metadata\":{\"name\":\"english\",\"namespace\":\"n\"," \
    "\"uid\":\"u\",\"resourceVersion\":\"" version "\",\"generation\":" generation metadata \
    "}" more "}}\n"
#define END_OF_LIST                                                                                \
    "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"9\",\"annotations\":{" \
    "\"k8s.io/initial-events-end\":\"true\"}}}}\n"

struct told {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned n;
    bool last; /* the platform "last", which ends the stream, was told of */
};

static void on_platform(const char *key, void *user)
{
    struct told *t = user;
    pthread_mutex_lock(&t->lock);
    t->n += strcmp(key, "n/english") == 0;
    t->last = t->last || strcmp(key, "n/last") == 0;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

static void on_child(const char *key, bool deleted, void *user)
{
    (void)key, (void)deleted, (void)user;
}

static void on_synced(struct informer_cache *cache, void *user)
{
    (void)cache, (void)user;
}

/* How often n/english was told of while these events came. */
static unsigned told_of_in(const struct scope *scope, const char *events)
{
    lp_auto_free char *body = lp_sprintf(
        "%s%s{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"last\",\"namespace\":\"n\","
        "\"uid\":\"l\",\"resourceVersion\":\"99\",\"generation\":1},\"spec\":%s}}\n",
        END_OF_LIST, events, scope->class_name ? "{\"className\":\"canary\"}" : "{}");
    const struct fake_answer answers[] = {
        { .match = "/learningplatforms?watch",
          .status = 200,
          .body = body,
          .chunk = 4096,
          .stall = true },
        { .match = "watch=1", .status = 200, .body = END_OF_LIST, .chunk = 4096, .stall = true },
        FAKE_END
    };
    struct told t = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
    const struct cache_handler sink = { on_platform, on_child, on_synced, &t };
    struct fake_kube *fake = fake_kube_start(answers);
    struct lp_kube_config *config = fake_kube_config(fake, NULL);
    struct lp_stop *stop = lp_stop_new();
    struct timespec end = lp_clock_deadline(WAIT_MS);
    struct informer_cache *cache;
    int r = 0;

    ok(cache_start(config, stop, scope, &sink, &cache, &err));
    pthread_mutex_lock(&t.lock);
    while (!t.last && r == 0)
        r = pthread_cond_clockwait(&t.changed, &t.lock, CLOCK_MONOTONIC, &end);
    pthread_mutex_unlock(&t.lock);
    lp_stop_request(stop);
    cache_join(cache);
    lp_kube_config_free(config);
    lp_stop_free(stop);
    fake_kube_stop(fake);
    assert_true(t.last);
    return t.n;
}

static unsigned told_of(const char *events)
{
    static const struct scope everything = { 0 };
    return told_of_in(&everything, events);
}

/* ---- our own writes ---- */

#define CHILD(type, name, version)                                                           \
    "{\"type\":\"" type "\",\"object\":{\"kind\":\"Deployment\",\"apiVersion\":\"apps/v1\"," \
    "\"metadata\":{\"name\":\"" name                                                         \
    "\",\"namespace\":\"n\",\"uid\":\"u\",\"resourceVersion\":\"" version                    \
    "\",\"ownerReferences\":[{\"kind\":\"LearningPlatform\",\"name\":\"" name                \
    "\",\"controller\":true}]}}}\n"

struct writes {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned told, lasts; /* of n/auth, and of n/last */
};

static void on_owner(const char *key, bool deleted, void *user)
{
    struct writes *w = user;

    (void)deleted;
    pthread_mutex_lock(&w->lock);
    w->told += strcmp(key, "n/auth") == 0;
    w->lasts += strcmp(key, "n/last") == 0;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

#define THEN(events) END_OF_LIST CHILD("ADDED", "auth", "10") events CHILD("ADDED", "last", "19")
#define CHANGED CHILD("MODIFIED", "auth", "11")

/* How often n/auth was told of by `events`, after which our write of it is answered with `version`.
 * Of what is in the cache then *ret_version, "" for nothing. */
static unsigned told_before(const char *events, const char *version, char ret_version[8])
{
    static const struct scope everything = { 0 };
    const struct fake_answer answers[] = {
        { .match = "/deployments?watch",
          .status = 200,
          .body = events,
          .chunk = 4096,
          .stall = true },
        { .match = "watch=1", .status = 200, .body = END_OF_LIST, .chunk = 4096, .stall = true },
        FAKE_END
    };
    struct writes w = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
    const struct cache_handler sink = { on_platform, on_owner, on_synced, &w };
    struct fake_kube *fake = fake_kube_start(answers);
    struct lp_kube_config *config = fake_kube_config(fake, NULL);
    struct lp_stop *stop = lp_stop_new();
    struct timespec end = lp_clock_deadline(WAIT_MS);
    struct informer_cache *cache;
    int r = 0;

    ok(cache_start(config, stop, &everything, &sink, &cache, &err));
    pthread_mutex_lock(&w.lock);
    while (w.lasts < 1 && r == 0)
        r = pthread_cond_clockwait(&w.changed, &w.lock, CLOCK_MONOTONIC, &end);
    pthread_mutex_unlock(&w.lock);
    assert_int_equal(r, 0);
    json_auto_t *answer = lp_json_make("{s:{s:s, s:s, s:s}}", "metadata", "name", "auth",
                                       "namespace", "n", "resourceVersion", version);
    cache_wrote(cache, CHILD_DEPLOYMENT, answer);
    json_auto_t *kept = cache_child(cache, CHILD_DEPLOYMENT, "n", "auth");
    const char *there = lp_json_str(kept, "metadata", "resourceVersion", NULL);
    snprintf(ret_version, 8, "%s", there ? there : "");
    lp_stop_request(stop);
    cache_join(cache);
    lp_kube_config_free(config);
    lp_stop_free(stop);
    fake_kube_stop(fake);
    return w.told;
}

static void what_we_wrote_is_there_before_a_watch_tells_of_it(void **state)
{
    char there[8];

    (void)state;
    assert_int_equal(told_before(THEN(""), "20", there), 1);
    assert_string_equal(there, "20");
    assert_int_equal(told_before(THEN(CHANGED), "20", there), 2);
    assert_string_equal(there, "20");
}

static void what_others_wrote_after_us_takes_the_place_of_a_late_answer(void **state)
{
    char there[8];

    (void)state;
    told_before(THEN(CHANGED), "11", there); /* its own event came first */
    assert_string_equal(there, "11");
    told_before(THEN(CHANGED CHILD("MODIFIED", "auth", "13")), "11", there);
    assert_string_equal(there, "13");
    told_before(THEN(CHANGED), "10", there);
    assert_string_equal(there, "11");
}

static void what_is_deleted_right_after_our_write_stays_so(void **state)
{
    char there[8];

    (void)state;
    assert_int_equal(told_before(THEN(CHANGED CHILD("DELETED", "auth", "12")), "11", there), 3);
    assert_string_equal(there, "");
    /* Made again at once. */
    told_before(THEN(CHANGED CHILD("DELETED", "auth", "12") CHILD("ADDED", "auth", "13")), "11",
                there);
    assert_string_equal(there, "13");
}

#define ADDED EVENT("ADDED", "10", "1", "", "")

static void a_status_that_is_written_wakes_nobody(void **state)
{
    (void)state;
    assert_int_equal(told_of(ADDED), 1);
    assert_int_equal(
        told_of(ADDED EVENT("MODIFIED", "11", "1", "", ",\"status\":{\"phase\":\"Ready\"}")), 1);
}

static void spec_labels_annotations_and_the_end_are_told(void **state)
{
    (void)state;
    assert_int_equal(told_of(ADDED EVENT("MODIFIED", "11", "2", "", "")), 2);
    assert_int_equal(
        told_of(ADDED EVENT("MODIFIED", "11", "1", ",\"labels\":{\"team\":\"a\"}", "")), 2);
    assert_int_equal(
        told_of(ADDED EVENT("MODIFIED", "11", "1", ",\"annotations\":{\"a\":\"b\"}", "")), 2);
    assert_int_equal(told_of(ADDED EVENT("MODIFIED", "11", "1",
                                         ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"", "")),
                     2);
    assert_int_equal(told_of(ADDED EVENT("DELETED", "11", "1", "", "")), 2);
}

#define CLASS(name) ",\"spec\":{\"className\":\"" name "\"}"
#define STATUS ",\"status\":{\"phase\":\"Ready\"}"

/* Versions are those of a resource in the whole cluster, and each namespace has a watch. */
static void a_watch_that_is_ahead_says_nothing_of_another_namespace(void **state)
{
    static const struct fake_answer answers[] = {
        { .match = "/namespaces/a/deployments?watch",
          .status = 200,
          .body =
              "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"x\",\"namespace\":\"a\","
              "\"uid\":\"u\",\"resourceVersion\":\"50\"}}}\n" END_OF_LIST,
          .chunk = 4096,
          .stall = true },
        { .match = "watch=1", .status = 200, .body = END_OF_LIST, .chunk = 4096, .stall = true },
        FAKE_END
    };
    struct scope scope = { 0 };
    struct told t = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
    const struct cache_handler sink = { on_platform, on_child, on_synced, &t };
    struct fake_kube *fake = fake_kube_start(answers);
    struct lp_kube_config *config = fake_kube_config(fake, NULL);
    struct lp_stop *stop = lp_stop_new();
    struct informer_cache *cache;
    int64_t end = lp_clock_ms() + WAIT_MS;

    (void)state;
    ok(scope_parse("a,b", "", "", &scope, &err));
    ok(cache_start(config, stop, &scope, &sink, &cache, &err));
    while (!cache_synced(cache) && lp_clock_ms() < end)
        poll(NULL, 0, 5);
    json_auto_t *ours = lp_json_make("{s:{s:s, s:s, s:s}}", "metadata", "name", "y", "namespace",
                                     "b", "resourceVersion", "20");
    cache_wrote(cache, CHILD_DEPLOYMENT, ours);
    json_auto_t *has = cache_child(cache, CHILD_DEPLOYMENT, "b", "y");
    assert_non_null(has); /* the next reconcile reads what this one wrote */
    lp_stop_request(stop);
    cache_join(cache);
    scope_done(&scope);
    lp_kube_config_free(config);
    lp_stop_free(stop);
    fake_kube_stop(fake);
}

static void platforms_of_another_class_are_not_there(void **state)
{
    (void)state;
    assert_int_equal(told_of(EVENT("ADDED", "10", "1", "", CLASS("canary"))
                                 EVENT("MODIFIED", "11", "2", "", CLASS("canary"))
                                     EVENT("DELETED", "12", "2", "", CLASS("canary"))),
                     0);
}

/* Told of once more when it goes and when it comes, and of nothing in between. */
static void a_platform_that_changes_its_class_goes_and_comes(void **state)
{
    const struct scope canary = { .class_name = "canary" };
    static const char *const events = ADDED EVENT("MODIFIED", "11", "2", "", CLASS("canary"))
        EVENT("MODIFIED", "12", "2", "", CLASS("canary") STATUS)
            EVENT("MODIFIED", "13", "3", "", "");
    (void)state;
    assert_int_equal(told_of(events), 3);
    assert_int_equal(told_of_in(&canary, events), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_that_is_written_wakes_nobody),
        cmocka_unit_test(spec_labels_annotations_and_the_end_are_told),
        cmocka_unit_test(a_watch_that_is_ahead_says_nothing_of_another_namespace),
        cmocka_unit_test(platforms_of_another_class_are_not_there),
        cmocka_unit_test(a_platform_that_changes_its_class_goes_and_comes),
        cmocka_unit_test(what_we_wrote_is_there_before_a_watch_tells_of_it),
        cmocka_unit_test(what_others_wrote_after_us_takes_the_place_of_a_late_answer),
        cmocka_unit_test(what_is_deleted_right_after_our_write_stays_so),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("operator_cache", tests, NULL, NULL);
}
