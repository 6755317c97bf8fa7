/* test/unit/test_operator_resync.c -- what a look at a platform asks of the API server after one
 * that found all as it should be. A second cache with another world, behind the same state, stands
 * for what changes between two looks. */
#include "operator/reconcile/reconcile.h"
#include "operator/reconcile/apply.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fake/fake_kube.h"
#include "json/json.h"
#include "unit/check.h"
#include "unit/reconciler_fixture.h"
#include "platform/spec_decode.h"

#define FIXED "{\"services\":{\"auth\":{\"replicas\":1,\"autoscaling\":{\"enabled\":false}}}}"

/* What a world has otherwise than the first one. */
struct change {
    const char *annotation; /* of the platform */
    int generation;         /* 0: 3 */
    const char *child;      /* this Deployment is of another version, "8" */
    const char *missing;    /* this Deployment is not there */
    const char *going;      /* this Deployment is being deleted */
    const char *stranger;   /* a Deployment of ours that is not planned */
    const char *unanswered; /* a write of this path is carried out, but has no answer */
    int post;               /* what it answers; 0: 201; 409: Secrets of all names are there */
    bool no_claims;         /* are there */
    const char *uid;        /* of the platform; NULL: "u", as its children's owner has */
};

#define EXISTS "{\"kind\":\"Status\",\"code\":409,\"reason\":\"AlreadyExists\"}"

struct world {
    struct fake_kube *fake;
    struct lp_kube_config *config;
    struct lp_stop *stop;
    char *bodies[1 + N_CHILD_KINDS], *matches[1 + N_CHILD_KINDS];
    struct fake_answer answers[1 + N_CHILD_KINDS + 5]; /* the fake borrows them */
    struct reconciler r;
};

static json_t *platform_of(const struct change *change)
{
    json_error_t why;
    json_t *spec = json_loads(FIXED, 0, &why);
    json_t *o =
        lp_json_make("{s:s, s:s, s:{s:s, s:s, s:s, s:I, s:s}, s:o}", "apiVersion",
                     "learningplatform.io/v1alpha1", "kind", "LearningPlatform", "metadata", "name",
                     "english", "namespace", "n", "uid", change->uid ? change->uid : "u",
                     "generation", (json_int_t)(change->generation ? change->generation : 3),
                     "resourceVersion", "5", "spec", spec);

    if (change->annotation)
        json_object_set_new(json_object_get(o, "metadata"), "annotations",
                            lp_json_make("{s:s}", change->annotation, "x"));
    return o;
}

/* As the API server has it after our apply of `intent`. */
static json_t *child_of(const json_t *intent, const char *version)
{
    json_t *o = json_deep_copy(intent), *metadata = json_object_get(o, "metadata"), *value;
    json_t *fields = lp_json_make("{s:{s:{}, s:{}, s:{}}}", "f:metadata", "f:labels",
                                  "f:annotations", "f:ownerReferences");
    const char *name;

    json_object_foreach(o, name, value)
    {
        lp_auto_free char *field = lp_sprintf("f:%s", name);
        if (strcmp(name, "metadata") != 0)
            json_object_set_new(fields, field, json_object());
    }
    json_object_set_new(metadata, "resourceVersion", json_string(version));
    json_object_set_new(metadata, "managedFields",
                        lp_json_make("[{s:s, s:s, s:o}]", "manager", MANAGER, "operation", "Apply",
                                     "fieldsV1", fields));
    return o;
}

static void add_event(struct lp_buf *body, json_t *object)
{
    json_auto_t *event = lp_json_make("{s:s, s:o}", "type", "ADDED", "object", object);

    lp_json_write(event, body);
    lp_buf_char(body, '\n');
}

static bool is(const struct child *c, const char *name)
{
    return name && c->kind == CHILD_DEPLOYMENT && strcmp(c->name, name) == 0;
}

static void add_child(struct lp_buf *body, const struct child *c, const struct change *change)
{
    if (is(c, change->missing) || (change->no_claims && c->kind == CHILD_CLAIM))
        return;
    json_t *o = child_of(c->intent, is(c, change->child) ? "8" : "7");
    if (is(c, change->going))
        json_object_set_new(json_object_get(o, "metadata"), "deletionTimestamp",
                            json_string("2026-01-01T00:00:00Z"));
    add_event(body, o);
    if (!change->stranger || !is(c, "english-auth"))
        return;
    o = child_of(c->intent, "7");
    json_object_set_new(json_object_get(o, "metadata"), "name", json_string(change->stranger));
    add_event(body, o);
}

/* The platform and its children. */
static void fill(struct world *w, const struct change *change)
{
    json_auto_t *object = platform_of(change);
    struct platform platform = {
        .ns = "n", .name = "english", .uid = "u", .generation = 3, .images = &images
    };
    struct lp_buf bodies[1 + N_CHILD_KINDS];
    struct plan plan plan_auto;

    ok(spec_decode(object, &platform.spec, &err));
    plan_init(&plan, &platform);
    for (unsigned i = 0; i <= N_CHILD_KINDS; i++)
        bodies[i] = (struct lp_buf)LP_BUF_INIT(4 << 20);
    add_event(&bodies[0], json_incref(object));
    for (unsigned i = 0; i < plan.n; i++)
        add_child(&bodies[1 + plan.children[i].kind], &plan.children[i], change);
    for (unsigned i = 0; i <= N_CHILD_KINDS; i++) {
        lp_buf_str(&bodies[i], END_OF_LIST);
        w->bodies[i] = lp_buf_take(&bodies[i]);
        w->matches[i] =
            lp_sprintf("/%s?watch", i ? child_kinds[i - 1]->plural : "learningplatforms");
    }
}

static void begin(struct world *w, struct platform_states *states, const struct change *change)
{
    struct lp_kube_client_options options = { .user_agent = "test" };
    int64_t end = lp_clock_ms() + WAIT_MS;
    unsigned n = 0;

    *w = (struct world){ .stop = lp_stop_new() };
    fill(w, change);
    for (; n <= N_CHILD_KINDS; n++)
        w->answers[n] = (struct fake_answer){ .match = w->matches[n],
                                              .status = 200,
                                              .body = w->bodies[n],
                                              .chunk = 4096,
                                              .stall = true };
    if (change->unanswered)
        w->answers[n++] =
            (struct fake_answer){ .match = change->unanswered, .status = 0, .close = true };
    w->answers[n++] = (struct fake_answer){ .match = "PATCH ", .status = 200, .echo = true };
    w->answers[n++] = (struct fake_answer){ .match = "POST ",
                                            .status = change->post ? change->post : 201,
                                            .body = change->post == 409 ? EXISTS : NULL };
    w->answers[n++] = (struct fake_answer){ .match = "DELETE ", .status = 200 };
    w->answers[n] = (struct fake_answer)FAKE_END;
    w->fake = fake_kube_start(w->answers);
    w->config = fake_kube_config(w->fake, NULL);
    w->r = (struct reconciler){ .states = states, .images = &images, .instance = "pod" };
    ok(cache_start(w->config, w->stop, &everything, &deaf, &w->r.cache, &err));
    ok(lp_kube_client_new(w->config, &options, &w->r.client, &err));
    while (!cache_synced(w->r.cache) && lp_clock_ms() < end)
        poll(NULL, 0, 5);
    assert_true(cache_synced(w->r.cache));
}

static void finish(struct world *w)
{
    lp_stop_request(w->stop);
    cache_join(w->r.cache);
    lp_kube_client_free(w->r.client);
    lp_kube_config_free(w->config);
    lp_stop_free(w->stop);
    fake_kube_stop(w->fake);
    for (unsigned i = 0; i <= N_CHILD_KINDS; i++) {
        free(w->bodies[i]);
        free(w->matches[i]);
    }
}

/* Requests that are no watches. */
static unsigned asked(struct world *w, const char *what)
{
    lp_auto_buf struct lp_buf all = LP_BUF_INIT(4 << 20);
    unsigned n = 0;

    fake_kube_requests(w->fake, &all);
    for (char *rest = all.ptr, *line; (line = strsep(&rest, "\n")) != NULL;)
        n += *line && !strstr(line, "watch=1") && strstr(line, what) != NULL;
    return n;
}

/* One look that makes no request. */
static bool is_quiet(struct world *w)
{
    struct reconcile_result result;
    unsigned before = asked(w, "");

    ok(reconcile(&w->r, KEY, &result, &err));
    return asked(w, "") == before;
}

/* The state of an operator that knows the first world, in which all is well. */
static struct platform_states *learn(void)
{
    struct platform_states *states = platform_states_new();
    struct world w;

    begin(&w, states, &(struct change){ 0 });
    assert_false(is_quiet(&w)); /* writes the first status */
    for (unsigned i = 0; i < 3; i++)
        assert_true(is_quiet(&w));
    assert_int_equal(asked(&w, "/deployments/"), 0);
    finish(&w);
    return states;
}

/* Whether a look at this world after one at the first makes no request, and, where `request` is not
 * NULL, how many such requests it makes. */
static bool is_the_same(const struct change *change, const char *request, unsigned *ret_asked)
{
    struct platform_states *states = learn();
    struct world w;

    begin(&w, states, change);
    bool same = is_quiet(&w);
    if (request)
        *ret_asked = asked(&w, request);
    finish(&w);
    platform_states_free(states);
    return same;
}

static void a_resync_and_what_others_note_on_a_platform_cause_no_request(void **state)
{
    (void)state;
    assert_true(is_the_same(&(struct change){ 0 }, NULL, NULL));
    assert_true(is_the_same(&(struct change){ .annotation = "team" }, NULL, NULL));
    assert_true(is_the_same(&(struct change){ .child = "english-auth" }, NULL, NULL));
}

static void a_new_generation_is_told_in_the_status(void **state)
{
    unsigned n;
    (void)state;
    assert_false(is_the_same(&(struct change){ .generation = 4 }, "english/status?", &n));
    assert_true(n > 0);
}

/* What is remembered of the generation of english-auth, 1 before, after a write of it. */
static int64_t generation_after(const char *unanswered)
{
    struct platform_states *states = learn();
    struct reconcile_result result;
    struct lp_error err;
    struct world w;

    platform_state_child(platform_states_of(states, KEY), "Deployment/english-auth")->generation =
        1;
    begin(&w, states, &(struct change){ .missing = "english-auth", .unanswered = unanswered });
    int r = reconcile(&w.r, KEY, &result, &err);
    assert_true((r < 0) == (unanswered != NULL));
    assert_true(asked(&w, "/deployments/english-auth") > 0);
    finish(&w);
    int64_t known = platform_state_child(platform_states_of(states, KEY), "Deployment/english-auth")
                        ->generation;
    platform_states_free(states);
    return known;
}

/* It may have been carried out, and then a rollout goes on that no generation of ours tells of. */
static void a_write_without_an_answer_forgets_the_generation_of_the_one_before(void **state)
{
    (void)state;
    assert_int_equal(generation_after(NULL), 1); /* the answer has none */
    assert_int_equal(generation_after("/deployments/english-auth"), 0);
}

static void a_child_that_is_missing_is_made_again(void **state)
{
    unsigned n;
    (void)state;
    assert_false(is_the_same(&(struct change){ .missing = "english-auth" },
                             "/deployments/english-auth", &n));
    assert_int_equal(n, 1);
}

/* All names of the cache are looked through when the spec changes and every ten minutes. */
static void a_child_that_is_not_planned_is_deleted_within_ten_minutes(void **state)
{
    struct platform_states *states = learn();
    struct world w;

    (void)state;
    begin(&w, states, &(struct change){ .stranger = "english-old" });
    platform_states_of(states, KEY)->pruned_ms -= PRUNE_AGAIN_MS;
    assert_false(is_quiet(&w));
    assert_int_equal(asked(&w, "DELETE /apis/apps/v1/namespaces/n/deployments/english-old"), 1);
    assert_int_equal(asked(&w, ""), 1);
    finish(&w);
    platform_states_free(states);
}

static void a_child_that_is_being_deleted_is_left_alone(void **state)
{
    unsigned n;
    (void)state;
    is_the_same(&(struct change){ .going = "english-auth" }, "/deployments/", &n);
    assert_int_equal(n, 0);
}

static bool conflict(void *user, char why[256])
{
    snprintf(why, 256, "%s", (const char *)user);
    return true;
}

static void a_conflict_over_the_metrics_api_is_told_once(void **state)
{
    struct platform_states *states = learn();
    struct world w;

    (void)state;
    begin(&w, states, &(struct change){ 0 });
    w.r.metrics_conflict = conflict;
    w.r.metrics_user = "another adapter";
    assert_false(is_quiet(&w));
    assert_true(is_quiet(&w));
    w.r.metrics_user = "yet another";
    assert_false(is_quiet(&w));
    assert_true(is_quiet(&w));
    assert_int_equal(asked(&w, "english/status?"), 2);
    finish(&w);
    platform_states_free(states);
}

static void other_images_are_asked_about_before_pods_restart(void **state)
{
    static const struct plan_images other = { "r", "u", "Always", "p", "m", true, false, false };
    struct platform_states *states = learn();
    struct reconcile_result result;
    struct lp_error err;
    struct world w;

    (void)state;
    begin(&w, states, &(struct change){ 0 });
    w.r.images = &other; /* asks what pods that would restart, and is not told here */
    assert_true(reconcile(&w.r, KEY, &result, &err) < 0);
    assert_true(asked(&w, "GET /apis/apps/v1/namespaces/n/deployments/english-auth") > 0);
    finish(&w);
    platform_states_free(states);
}

static void missing_secrets_are_tried_for_every_three_minutes(void **state)
{
    struct platform_states *states = learn();
    struct platform_state *m = platform_states_of(states, KEY);
    struct world w;

    (void)state;
    begin(&w, states, &(struct change){ .post = 409 });
    for (unsigned tries = 1; tries <= 3; tries++) {
        m->secrets_tried_ms -= 180000 - 20000; /* nothing is ready here */
        assert_true(is_quiet(&w));
        m->secrets_tried_ms -= 20000;
        assert_false(is_quiet(&w));
        assert_int_equal(asked(&w, "/secrets"), 4 * tries);
        assert_int_equal(asked(&w, ""), 4 * tries);
        assert_int_equal(m->secrets_wait_ms, 180000);
    }
    finish(&w);
    platform_states_free(states);
}

/* A Secret that is gone shows when a pod starts without it. */
static void secrets_are_tried_for_soon_after_a_platform_stops_being_ready(void **state)
{
    struct platform_states *states = learn();
    struct platform_state *m = platform_states_of(states, KEY);
    struct world w;

    (void)state;
    begin(&w, states, &(struct change){ .post = 409 });
    m->was_ready = true;
    assert_true(is_quiet(&w));
    assert_int_equal(m->secrets_wait_ms, 10000);
    m->secrets_tried_ms -= 10000;
    assert_false(is_quiet(&w));
    assert_int_equal(asked(&w, "/secrets"), 4);
    assert_int_equal(m->secrets_wait_ms, 180000);
    finish(&w);
    platform_states_free(states);
}

static void who_takes_a_name_over_tries_for_its_secrets_soon(void **state)
{
    struct platform_states *states = learn();
    struct platform_state *m = platform_states_of(states, KEY);
    struct world w;

    (void)state;
    begin(&w, states, &(struct change){ 0 });
    m->uid ^= 1; /* another object had this name */
    assert_true(is_quiet(&w));
    for (unsigned tries = 1; tries <= 3; tries++) {
        m->secrets_tried_ms -= 10000;
        assert_false(is_quiet(&w));
        assert_int_equal(asked(&w, "/secrets"), 8 * tries);
    }
    m->recreated_ms -= 120000;
    m->secrets_tried_ms -= 10000;
    assert_false(is_quiet(&w));
    assert_int_equal(m->secrets_wait_ms, 180000);
    finish(&w);
    platform_states_free(states);
}

/* And not three minutes later: what is wrong is told as long as it is so. */
static void secrets_that_cannot_be_made_are_tried_for_at_the_next_look(void **state)
{
    struct platform_states *states = learn();
    struct reconcile_result result;
    struct lp_error err;
    struct world w;

    (void)state;
    begin(&w, states, &(struct change){ .post = 403 });
    platform_states_of(states, KEY)->secrets_tried_ms -= 180000;
    for (unsigned tries = 1; tries <= 3; tries++) {
        assert_true(reconcile(&w.r, KEY, &result, &err) < 0);
        assert_int_equal(asked(&w, "/n/secrets?"), 4 * tries);
    }
    finish(&w);
    platform_states_free(states);
}

static void a_claim_that_is_made_has_its_secret_tried_for(void **state)
{
    unsigned n = 0;
    (void)state;
    assert_false(is_the_same(&(struct change){ .no_claims = true }, "/n/secrets?", &n));
    assert_int_equal(n, 8);
}

/* The one before it was seen to go; of its children, Secrets or others are still there. */
static void a_platform_whose_name_was_free_for_a_moment_tries_for_its_secrets_soon(void **state)
{
    static const struct change left[] = { { .post = 409, .missing = "english-auth" },
                                          { .uid = "v" } };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(left); i++) {
        struct platform_states *states = platform_states_new();
        struct world w;
        begin(&w, states, &left[i]);
        is_quiet(&w);
        assert_int_equal(platform_states_of(states, KEY)->secrets_wait_ms, 10000);
        finish(&w);
        platform_states_free(states);
    }
}

static void a_status_that_somebody_changed_is_put_right(void **state)
{
    struct platform_states *states = learn();
    struct world w;

    (void)state;
    begin(&w, states, &(struct change){ 0 });
    json_object_set_new(platform_states_of(states, KEY)->status, "phase", json_string("Ready"));
    assert_false(is_quiet(&w));
    assert_int_equal(asked(&w, "english/status?"), 1);
    finish(&w);
    platform_states_free(states);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_resync_and_what_others_note_on_a_platform_cause_no_request),
        cmocka_unit_test(a_new_generation_is_told_in_the_status),
        cmocka_unit_test(a_write_without_an_answer_forgets_the_generation_of_the_one_before),
        cmocka_unit_test(a_child_that_is_missing_is_made_again),
        cmocka_unit_test(a_child_that_is_not_planned_is_deleted_within_ten_minutes),
        cmocka_unit_test(a_child_that_is_being_deleted_is_left_alone),
        cmocka_unit_test(a_conflict_over_the_metrics_api_is_told_once),
        cmocka_unit_test(other_images_are_asked_about_before_pods_restart),
        cmocka_unit_test(missing_secrets_are_tried_for_every_three_minutes),
        cmocka_unit_test(secrets_are_tried_for_soon_after_a_platform_stops_being_ready),
        cmocka_unit_test(who_takes_a_name_over_tries_for_its_secrets_soon),
        cmocka_unit_test(secrets_that_cannot_be_made_are_tried_for_at_the_next_look),
        cmocka_unit_test(a_claim_that_is_made_has_its_secret_tried_for),
        cmocka_unit_test(a_platform_whose_name_was_free_for_a_moment_tries_for_its_secrets_soon),
        cmocka_unit_test(a_status_that_somebody_changed_is_put_right),
    };
    return cmocka_run_group_tests_name("operator_resync", tests, NULL, NULL);
}
