/* test/integration/test_kube_watch.c -- lib/kube against a real API server: watch, compaction,
 * lease. */
#include <errno.h>
#include <pthread.h>

#include "base/stop.h"
#include "integration/kube_client_fixture.h"
#include "kube/lease.h"
#include "kube/watch.h"
#include "kube/watch_framer.h"

/* ---- watch ---- */

struct log {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char text[4096];
};

static void note(struct log *l, const char *what, const char *name)
{
    pthread_mutex_lock(&l->lock);
    size_t n = strlen(l->text);
    snprintf(l->text + n, sizeof l->text - n, "%s%s ", what, name);
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

static void on_event(enum lp_kube_event event, json_t *object, void *user)
{
    static const char *const marks[] = { "+", "~", "-" };
    note(user, marks[event], lp_json_str(object, "metadata", "name", NULL));
}

static void on_synced(void *user)
{
    note(user, "synced", "");
}

/* Waits until `text` is in the log; the events before it are forgotten. */
static void await(struct log *l, const char *text)
{
    struct timespec end = lp_clock_deadline(WAIT_MS);
    char *at;

    pthread_mutex_lock(&l->lock);
    while (!(at = strstr(l->text, text))) {
        if (pthread_cond_clockwait(&l->changed, &l->lock, CLOCK_MONOTONIC, &end) == ETIMEDOUT) {
            pthread_mutex_unlock(&l->lock);
            fail_msg("\"%s\" did not come; seen: %s", text, l->text);
        }
    }
    at += strlen(text);
    memmove(l->text, at, strlen(at) + 1);
    pthread_mutex_unlock(&l->lock);
}

static void a_watch_tells_what_is_there_and_what_happens(void **state)
{
    struct log log = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, "" };
    struct lp_kube_watch_options options = {
        .kind = &lp_kube_config_maps,
        .ns = ns,
        .label_selector = "test=yes",
        .name = "watch-maps",
        .sink = { .event = on_event, .synced = on_synced, .user = &log },
    };
    struct lp_stop *stop = lp_stop_new();
    struct lp_kube_watch *watch = NULL;
    (void)state;
    create_map("a", "1");
    create_map("b", "1");
    ok(lp_kube_watch_start(config, stop, &options, &watch, &err));
    await(&log, "+a +b synced ");
    assert_true(lp_kube_watch_synced(watch));
    create_map("c", "1");
    await(&log, "+c ");
    json_auto_t *b = config_map("b", "2");
    ok(apply(b, "lp-test", true, false, NULL, &err));
    await(&log, "~b ");
    delete_map("a");
    await(&log, "-a ");
    assert_in_range(lp_kube_watch_silence_ms(watch), 0, WAIT_MS);
    lp_stop_request(stop);
    lp_kube_watch_join(watch);
    lp_stop_free(stop);
}

static int ignore(const char *type, json_t *object, void *user, struct lp_error *err)
{
    (void)type;
    (void)object;
    (void)user;
    (void)err;
    return 0;
}

#define THINGS "things.test.learningplatform.io"

/* A kind that is new to the API server, so that its cache of events reaches back to now only. */
static void make_new_kind(void)
{
    json_auto_t *crd =
        lp_json_make("{s:s, s:s, s:{s:s}, s:{s:s, s:s, s:{s:s, s:s, s:s, s:s}, s:[{s:s, s:b, s:b, "
                     "s:{s:{s:s}}}]}}",
                     "apiVersion", "apiextensions.k8s.io/v1", "kind", "CustomResourceDefinition",
                     "metadata", "name", THINGS, "spec", "group", "test.learningplatform.io",
                     "scope", "Namespaced", "names", "plural", "things", "singular", "thing",
                     "kind", "Thing", "listKind", "ThingList", "versions", "name", "v1", "served",
                     1, "storage", 1, "schema", "openAPIV3Schema", "type", "object");
    struct lp_error why;
    int r = LP_E_NOT_FOUND;
    ok(lp_kube_create(client, &lp_kube_crds, crd, NULL, &err));
    for (int64_t end = lp_clock_ms() + WAIT_MS; r == LP_E_NOT_FOUND && lp_clock_ms() < end;)
        r = lp_kube_raw(client, "/apis/test.learningplatform.io/v1/things?limit=1", NULL, &why);
    if (r < 0)
        fail_msg("%s", why.msg);
}

static void a_version_that_is_too_old_is_gone(void **state)
{
    lp_auto_watch_framer struct lp_watch_framer framer = { .tail = LP_BUF_INIT(65536),
                                                           .sink = ignore };
    lp_auto_buf struct lp_buf line = LP_BUF_INIT(65536);
    json_auto_t *event = NULL;
    struct lp_error why = { .msg = "" };
    (void)state;
    make_new_kind();
    /* The whole answer is one line, an ERROR event, so it can be read as JSON. */
    int r = lp_kube_raw(client,
                        "/apis/test.learningplatform.io/v1/things?watch=1&resourceVersion=1"
                        "&timeoutSeconds=5",
                        &event, &why);
    if (r == 0) {
        lp_json_write(event, &line);
        lp_buf_char(&line, '\n');
        r = lp_watch_framer_feed(&framer, line.ptr, line.len, &why);
    }
    ok(lp_kube_delete(client, &lp_kube_crds, NULL, THINGS, NULL, &err));
    if (r != LP_E_GONE)
        fail_msg("%d: %s: %s", r, why.msg, line.ptr);
}

/* ---- lease ---- */

static void on_started(void *user)
{
    note(user, "started", "");
}

static void on_lost(void *user)
{
    note(user, "lost", "");
}

struct candidate {
    struct log log;
    struct lp_stop *stop;
    struct lp_lease *lease;
};

static void stand(struct candidate *c, const char *identity)
{
    struct lp_lease_options options = { .ns = ns,
                                        .name = "leader",
                                        .identity = identity,
                                        .duration_ms = 15000,
                                        .renew_ms = 10000,
                                        .retry_ms = 200,
                                        .on_started = on_started,
                                        .on_lost = on_lost,
                                        .user = &c->log };
    pthread_mutex_init(&c->log.lock, NULL);
    pthread_cond_init(&c->log.changed, NULL);
    c->log.text[0] = '\0';
    c->stop = lp_stop_new();
    ok(lp_lease_start(config, c->stop, &options, &c->lease, &err));
}

static void step_down(struct candidate *c)
{
    lp_stop_request(c->stop);
    lp_lease_join(c->lease);
    lp_stop_free(c->stop);
}

static void the_second_candidate_leads_once_the_first_releases(void **state)
{
    struct candidate one, two;
    json_auto_t *lease = NULL;
    (void)state;
    stand(&one, "one");
    await(&one.log, "started");
    assert_true(lp_lease_held(one.lease));
    stand(&two, "two");
    assert_false(lp_lease_held(two.lease));
    int64_t start = lp_clock_ms();
    step_down(&one);
    await(&two.log, "started");
    assert_true(lp_clock_ms() - start < 15000); /* no wait for the lease to run out */
    ok(lp_kube_get(client, &lp_kube_leases, ns, "leader", &lease, &err));
    assert_string_equal(lp_json_str(lease, "spec", "holderIdentity", NULL), "two");
    assert_int_equal(lp_json_int(-1, lease, "spec", "leaseTransitions", NULL), 1);
    step_down(&two);
    json_auto_t *after = NULL;
    ok(lp_kube_get(client, &lp_kube_leases, ns, "leader", &after, &err));
    assert_null(lp_json_str(after, "spec", "holderIdentity", NULL));
}

static void who_finds_another_holder_has_lost(void **state)
{
    struct candidate one;
    json_auto_t *theft = lp_json_make("{s:{s:s}}", "spec", "holderIdentity", "thief");
    (void)state;
    stand(&one, "one");
    await(&one.log, "started");
    ok(lp_kube_merge_patch(client, &lp_kube_leases, ns, "leader", NULL, theft, NULL, &err));
    await(&one.log, "lost");
    assert_false(lp_lease_held(one.lease));
    step_down(&one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_namespace(a_watch_tells_what_is_there_and_what_happens),
        cmocka_unit_test(a_version_that_is_too_old_is_gone),
        in_namespace(the_second_candidate_leads_once_the_first_releases),
        in_namespace(who_finds_another_holder_has_lost),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("kube_watch", tests, connect_to_cluster, disconnect);
}
