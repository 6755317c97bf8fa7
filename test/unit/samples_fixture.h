/* test/unit/samples_fixture.h -- a table of samples, what the API server and the pods tell it, and
 * what it answers. */
#pragma once

#include "autoscaler/samples.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "unit/check.h"

#define NOW 1000000
#define WALL INT64_C(1790845200000) /* when NOW was 0 */

static struct samples *s;
static char message[512];

static inline json_t *pod_object(const char *name, const char *ip, bool ready)
{
    return lp_json_make("{s:{s:s,s:s,s:s,s:[{s:s,s:s,s:b}],s:{s:s,s:s}},s:{s:s,s:s,s:[{s:s,s:s}]}}",
                        "metadata", "namespace", "lp", "name", name, "uid", name, "ownerReferences",
                        "kind", "ReplicaSet", "uid", "set-1", "controller", 1, "labels",
                        "app.kubernetes.io/name", "auth", "app.kubernetes.io/part-of", "english",
                        "status", "phase", "Running", "podIP", ip, "conditions", "type", "Ready",
                        "status", ready ? "True" : "False");
}

static inline void tell(const json_t *o, int64_t now)
{
    samples_pod(s, o, false, now, WALL + now);
}

static inline void pod(const char *name, const char *ip, bool ready)
{
    json_auto_t *o = pod_object(name, ip, ready);
    tell(o, NOW);
}

/* Ready since `since`, of the ReplicaSet with this uid. */
static inline void pod_of(const char *name, const char *ip, const char *set, int64_t since)
{
    char text[LP_CLOCK_TEXT];
    json_auto_t *o = pod_object(name, ip, true);
    json_t *owners = json_object_get(json_object_get(o, "metadata"), "ownerReferences");
    json_t *conditions = json_object_get(json_object_get(o, "status"), "conditions");
    lp_clock_format(WALL + since, 0, text);
    lp_json_set_str(json_array_get(owners, 0), "uid", set);
    lp_json_set_str(json_array_get(conditions, 0), "lastTransitionTime", text);
    tell(o, NOW);
}

static inline void replica_set(const char *uid, const char *revision, bool gone)
{
    json_auto_t *o = lp_json_make("{s:{s:s,s:s,s:s,s:{s:s},s:[{s:s,s:s,s:b}]}}", "metadata",
                                  "namespace", "lp", "name", uid, "uid", uid, "annotations",
                                  "deployment.kubernetes.io/revision", revision, "ownerReferences",
                                  "kind", "Deployment", "name", "english-auth", "controller", 1);
    samples_replica_set(s, o, gone);
}

static inline void pod_gone(const char *name)
{
    json_auto_t *o = pod_object(name, "10.0.0.1", true);
    samples_pod(s, o, true, NOW, WALL + NOW);
}

static inline void deployment(int replicas)
{
    json_auto_t *o =
        lp_json_make("{s:{s:s,s:s,s:{s:s}},s:{s:i}}", "metadata", "namespace", "lp", "name",
                     "english-auth", "labels", "tier", "front", "spec", "replicas", replicas);
    samples_deployment(s, o, false);
}

static inline void hpa(const char *target)
{
    json_auto_t *o =
        lp_json_make("{s:{s:s,s:s},s:{s:[{s:{s:{s:s},s:{s:s}}}]}}", "metadata", "namespace", "lp",
                     "name", "english-auth", "spec", "metrics", "object", "metric", "name",
                     "queue_depth", "target", "averageValue", target);
    samples_hpa(s, o, false);
}

/* The id under which the pod with this address is asked at `now`; the others stay due. */
static inline uint64_t ask(const char *ip, int64_t now)
{
    struct samples_target targets[8];
    int64_t next;
    unsigned n = samples_due(s, now, targets, 8, &next);
    for (unsigned i = 0; i < n; i++)
        if (strcmp(targets[i].ip, ip) == 0)
            return targets[i].id;
    return UINT64_MAX;
}

static uint64_t asked[8];
static inline void ask_all(int64_t now)
{
    struct samples_target targets[8];
    int64_t next;
    unsigned n = samples_due(s, now, targets, 8, &next);
    for (unsigned i = 0; i < n; i++)
        asked[targets[i].ip[strlen(targets[i].ip) - 1] - '0'] = targets[i].id;
}

static inline void says(unsigned last_digit, int requests, int backlog, int64_t now)
{
    struct promtext_page page = { .waiting = requests * 1000 };
    if (backlog >= 0) {
        page.n_queues = 1;
        memcpy(page.queues[0].name, "ai", 3);
        page.queues[0].depth = backlog * 1000;
    }
    samples_report(s, asked[last_digit], SAMPLES_OK, &page, now);
}

static const char *metric;

static inline json_t *get(const char *resource, const char *name, const char *selector, int64_t now)
{
    struct query q = { .route = QUERY_METRIC, .ns = "lp" };
    struct selector sel;
    struct lp_error err = { .msg = "" };
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(65536);
    json_t *o = NULL;
    snprintf(q.resource, sizeof q.resource, "%s", resource);
    snprintf(q.name, sizeof q.name, "%s", name);
    snprintf(q.metric, sizeof q.metric, "%s", metric);
    message[0] = '\0';
    assert_int_equal(selector_parse(selector, &sel, &err), 0);
    const struct samples_question question = { &q, &sel, now, WALL + now };
    if (samples_answer(s, &question, &out, NULL, &err) < 0) {
        snprintf(message, sizeof message, "%d %s", err.code, err.msg);
        assert_int_equal(out.len, 0);
        return NULL;
    }
    assert_int_equal(lp_json_parse(out.ptr, out.len, 65536, "answer", &o, &err), 0);
    return o;
}

static inline const char *value(int64_t now)
{
    static char text[32];
    json_auto_t *o = get("services", "english-auth", NULL, now);
    const json_t *item = json_array_get(json_object_get(o, "items"), 0);
    snprintf(text, sizeof text, "%s", o ? lp_json_str(item, "value", NULL) : "none");
    return text;
}

static inline size_t n_pods(const char *selector, int64_t now)
{
    json_auto_t *o = get("pods", "*", selector, now);
    return json_array_size(json_object_get(o, "items"));
}

static inline int fresh(void **state)
{
    (void)state;
    metric = "queue_depth";
    s = samples_new(1000, 2000);
    replica_set("set-1", "1", false);
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    samples_free(s);
    return 0;
}

#define with_table(f) cmocka_unit_test_setup_teardown(f, fresh, end)
