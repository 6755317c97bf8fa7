/* test/unit/samples_fixture.h -- a table of samples, what the pods tell it, and what it answers. */
#pragma once

#include <stdio.h>
#include <string.h>

#include "autoscaler/api/answer.h"
#include "unit/check.h"
#include "unit/samples_objects.h"

static char message[512];

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
    struct promtext_page page = { .waiting = requests * INT64_C(1000) };
    if (backlog >= 0) {
        page.n_queues = 1;
        memcpy(page.queues[0].name, "ai", 3);
        page.queues[0].depth = backlog * INT64_C(1000);
    }
    samples_report(s, asked[last_digit], SAMPLES_OK, &page, now);
}

static enum samples_metric metric;

/* A MetricValueList, as the API writes it. */
static inline json_t *get(const char *resource, const char *name, const char *selector, int64_t now)
{
    struct query q = { .route = QUERY_METRIC, .ns = "lp", .metric = "a_metric" };
    struct lp_selector sel;
    struct lp_error err = { .msg = "" };
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(65536);
    auto_samples_values struct samples_values values = SAMPLES_VALUES_INIT;
    json_t *o = NULL;
    snprintf(q.resource, sizeof q.resource, "%s", resource);
    message[0] = '\0';
    assert_int_equal(lp_selector_parse(selector, &sel, &err), 0);
    const struct samples_question question = { .pods = strcmp(resource, "pods") == 0,
                                               .ns = "lp",
                                               .name = strcmp(name, "*") == 0 ? NULL : name,
                                               .metric = metric,
                                               .selector = &sel,
                                               .now_ms = now,
                                               .wall_ms = WALL + now };
    if (samples_read(s, &question, &values, &err) < 0) {
        snprintf(message, sizeof message, "%d %s", err.code, err.msg);
        return NULL;
    }
    answer_list(&q, &values, &out);
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
    metric = SAMPLES_QUEUE_DEPTH;
    s = samples_new(1000, 2000);
    deployment(1);
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
