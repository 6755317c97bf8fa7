/* test/integration/test_operator_watched.c -- what must hold at every moment: each event of a watch
 * is looked at, none between them is missed. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/stop.h"
#include "integration/operator_fixture.h"
#include "kube/config.h"
#include "kube/watch.h"

#define MAX_EVENTS 4096

/* Every version of one object, in order. */
struct film {
    struct lp_kube_config *config;
    struct lp_stop *stop;
    struct lp_kube_watch *watch;
    const char *name;
    pthread_mutex_t lock; /* guards the two below */
    json_t *frames[MAX_EVENTS];
    unsigned n;
};

static void take_frame(enum lp_kube_event event, json_t *object, void *user)
{
    struct film *f = user;
    if (event == LP_KUBE_DELETED || strcmp(lp_json_str(object, "metadata", "name", NULL), f->name))
        return;
    pthread_mutex_lock(&f->lock);
    if (f->n < MAX_EVENTS)
        f->frames[f->n++] = json_incref(object);
    pthread_mutex_unlock(&f->lock);
}

static void film_begin(struct film *f, const struct lp_kube_kind *kind, const char *name)
{
    struct lp_kube_config_source source = { .kubeconfig = getenv("KUBECONFIG") };
    struct lp_kube_watch_options options = {
        .kind = kind, .ns = ns, .name = "film", .sink = { .event = take_frame, .user = f }
    };
    int64_t end = lp_clock_ms() + WAIT_MS;
    f->name = name;
    pthread_mutex_init(&f->lock, NULL);
    f->stop = lp_stop_new();
    ok(lp_kube_config_load(&source, &f->config, &err));
    ok(lp_kube_watch_start(f->config, f->stop, &options, &f->watch, &err));
    while (!lp_kube_watch_synced(f->watch) && lp_clock_ms() < end)
        poll(NULL, 0, 10);
    assert_true(lp_kube_watch_synced(f->watch));
}

static void film_end(struct film *f)
{
    lp_stop_request(f->stop);
    lp_kube_watch_join(f->watch);
    for (unsigned i = 0; i < f->n; i++)
        json_decref(f->frames[i]);
    pthread_mutex_destroy(&f->lock);
    lp_stop_free(f->stop);
    lp_kube_config_free(f->config);
}

static unsigned frames(struct film *f)
{
    pthread_mutex_lock(&f->lock);
    unsigned n = f->n;
    pthread_mutex_unlock(&f->lock);
    return n;
}

/* Until the film has come to this version of the object. */
static void await_frame(struct film *f, const char *version)
{
    int64_t end = lp_clock_ms() + WAIT_MS;
    for (unsigned seen = 0; lp_clock_ms() < end; poll(NULL, 0, 10)) {
        for (unsigned n = frames(f); seen < n; seen++)
            if (strcmp(lp_json_str(f->frames[seen], "metadata", "resourceVersion", NULL),
                       version) == 0)
                return;
    }
    fail_msg("%s: version %s was not seen", f->name, version);
}

/* ---- replicas ---- */

static struct film film;
static unsigned looked_at;

/* The frames since the last call have `from` replicas, and from some point on `to`, as the live
 * object has. */
static void assert_went(const char *what, int64_t from, int64_t to)
{
    json_auto_t *o = NULL;
    ok(lp_kube_get(client, &lp_kube_deployments, ns, "english-auth", &o, &err));
    await_frame(&film, lp_json_str(o, "metadata", "resourceVersion", NULL));
    if (lp_json_int(-1, o, "spec", "replicas", NULL) != to)
        fail_msg("%s: has %lld replicas, wanted %lld", what,
                 (long long)lp_json_int(-1, o, "spec", "replicas", NULL), (long long)to);
    int64_t now = from;
    for (unsigned n = frames(&film); looked_at < n; looked_at++) {
        int64_t r = lp_json_int(-1, film.frames[looked_at], "spec", "replicas", NULL);
        if (r != now && r != to)
            fail_msg("%s: %lld replicas between %lld and %lld", what, (long long)r, (long long)from,
                     (long long)to);
        now = r;
    }
}

static void scale(int n)
{
    json_auto_t *patch = lp_json_make("{s:{s:i}}", "spec", "replicas", n);
    ok(lp_kube_merge_patch(client, &lp_kube_deployments, ns, "english-auth", "scale", patch, NULL,
                           &err));
}

/* Scaled to `away` and back, with nothing in between. */
static void assert_put_back(int64_t away, int64_t home)
{
    json_auto_t *o =
        await_like(&lp_kube_deployments, "english-auth",
                   lp_json_make("{s:{s:I}}", "spec", "replicas", (json_int_t)home), "put back");
    await_frame(&film, lp_json_str(o, "metadata", "resourceVersion", NULL));
    for (unsigned n = frames(&film); looked_at < n; looked_at++) {
        int64_t r = lp_json_int(-1, film.frames[looked_at], "spec", "replicas", NULL);
        assert_true(r == away || r == home);
    }
}

static void edit(const char *auth)
{
    edit_platform("english", service_spec("auth", parse_spec(auth)));
}

static void restart(void)
{
    assert_int_equal(program_stop(&operator), 0);
    fixture_start(&operator, "operator");
    edit("{env: [{name: LOG_LEVEL, value: debug}]}"); /* it has begun where this is carried out */
    edit("{env: null}");
}

static void await_replicas(int n)
{
    json_decref(await_like(&lp_kube_deployments, "english-auth",
                           lp_json_make("{s:{s:i}}", "spec", "replicas", n), "scaled"));
}

/* The real HPA controller raises to minReplicas; without metrics it does no more, so that the test
 * scales as it would. */
static void the_hpa_scales(void)
{
    edit("{autoscaling: {minReplicas: 3}}");
    await_replicas(3);
    assert_went("the HPA raised to its least number", 2, 3);
    scale(5);
    assert_went("scaled", 3, 5);
    edit("{queueLimit: 77}");
    assert_went("edited under the HPA", 5, 5);
    restart();
    assert_went("restarted under the HPA", 5, 5);
    edit("{autoscaling: {minReplicas: 4, maxReplicas: 9}}");
    assert_went("the HPA's limits edited", 5, 5);
}

static void replicas_never_dip_nor_reset_while_they_change_hands(void **state)
{
    (void)state;
    film = (struct film){ .n = 0 };
    looked_at = 0;
    film_begin(&film, &lp_kube_deployments, "english-auth");
    create_platform("english", service_spec("auth", parse_spec("{autoscaling: {minReplicas: 2}}")));
    assert_went("created", 2, 2);
    the_hpa_scales();

    edit("{autoscaling: {enabled: false}}");
    await_gone(&lp_kube_hpas, "english-auth");
    assert_went("autoscaling off", 5, 5);
    restart();
    assert_went("restarted without autoscaling", 5, 5);
    scale(7);
    edit("{queueLimit: 78}");
    assert_went("scaled by hand", 5, 7);
    edit("{autoscaling: {enabled: true}}");
    json_decref(await(&lp_kube_hpas, "english-auth", exists, NULL, "there again"));
    assert_went("autoscaling on again", 7, 7);

    edit("{replicas: 4, autoscaling: {enabled: false}}");
    assert_went("a fixed number", 7, 4);
    restart();
    assert_went("restarted with a fixed number", 4, 4);
    scale(6);
    assert_put_back(6, 4);
    edit("{replicas: null, autoscaling: {enabled: true}}");
    assert_went("from the fixed number to the HPA", 4, 4);
    scale(8);
    restart();
    assert_went("scaled and restarted", 4, 8);
    film_end(&film);
}

/* ---- conditions ---- */

static const json_t *ready_of(const json_t *o)
{
    json_t *c;
    size_t i;
    json_array_foreach(lp_json_at(o, "status", "conditions", NULL), i,
                       c) if (strcmp(lp_json_str(c, "type", NULL), "Ready") == 0) return c;
    return NULL;
}

/* What kubectl wait --for=condition=Ready looks at. */
static bool would_end_a_wait(const json_t *o)
{
    const char *state = lp_json_str(ready_of(o), "status", NULL);
    return state && strcmp(state, "True") == 0 &&
           lp_json_int(0, ready_of(o), "observedGeneration", NULL) >=
               lp_json_int(0, o, "metadata", "generation", NULL);
}

static void a_wait_for_ready_never_ends_on_the_state_before(void **state)
{
    struct film f = { .n = 0 };
    unsigned told = 0;
    (void)state;
    create_platform("english", json_object());
    await_ready("english");
    film_begin(&f, &lp_kube_platforms, "english");
    unsigned first = frames(&f);
    assert_true(would_end_a_wait(f.frames[first - 1]));
    edit_platform("english", lp_json_make("{s:{s:s}}", "image", "tag", "v10"));
    json_auto_t *o = NULL;
    ok(lp_kube_get(client, &lp_kube_platforms, ns, "english", &o, &err));
    await_frame(&f, lp_json_str(o, "metadata", "resourceVersion", NULL));
    int64_t generation = lp_json_int(0, o, "metadata", "generation", NULL);
    for (unsigned i = first, n = frames(&f); i < n; i++) {
        const json_t *at = f.frames[i];
        if (lp_json_int(0, at, "metadata", "generation", NULL) < generation)
            continue; /* the status of before, written between the film's start and the edit */
        assert_int_equal(lp_json_int(0, at, "metadata", "generation", NULL), generation);
        assert_false(would_end_a_wait(at));
        if (lp_json_int(0, at, "status", "observedGeneration", NULL) == generation && told++ == 0) {
            assert_string_equal(lp_json_str(ready_of(at), "status", NULL), "Unknown");
            assert_string_equal(lp_json_str(ready_of(at), "reason", NULL), "NewGeneration");
        }
    }
    assert_true(told >= 2);
    await_ready("english");
    film_end(&f);
}

static void scaling_is_no_rollout_and_ready_stays(void **state)
{
    struct film f = { .n = 0 };
    (void)state;
    create_platform("english", json_object());
    await_ready("english");
    film_begin(&f, &lp_kube_platforms, "english");
    unsigned first = frames(&f);
    for (int n = 3; n <= 8; n++) {
        scale(n);
        json_decref(await_like(&lp_kube_deployments, "english-auth",
                               lp_json_make("{s:{s:i}}", "status", "updatedReplicas", n), "seen"));
    }
    await_ready("english");
    json_auto_t *o = NULL;
    ok(lp_kube_get(client, &lp_kube_platforms, ns, "english", &o, &err));
    await_frame(&f, lp_json_str(o, "metadata", "resourceVersion", NULL));
    for (unsigned i = first - 1, n = frames(&f); i < n; i++)
        assert_string_equal(lp_json_str(ready_of(f.frames[i]), "status", NULL), "True");
    film_end(&f);
}

#define test(f) cmocka_unit_test_setup(f, fixture_namespace)
int main(void)
{
    const struct CMUnitTest tests[] = {
        test(replicas_never_dip_nor_reset_while_they_change_hands),
        test(a_wait_for_ready_never_ends_on_the_state_before),
        test(scaling_is_no_rollout_and_ready_stays),
    };
    return cmocka_run_group_tests_name("operator_watched", tests, fixture_begin, fixture_end);
}
