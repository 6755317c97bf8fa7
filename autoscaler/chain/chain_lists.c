/*
 * Threads: `lock` covers what arrived; the lists are of the one thread that shows them.
 */
#include "autoscaler/chain/chain_lists.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "autoscaler/api/discovery.h"
#include "autoscaler/base/telemetry.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"

#define KEPT_MS 3600000 /* a list that cannot be read anew is shown for so long */

struct list {
    json_t *resources; /* NULL: not known */
    int64_t read_ms;   /* when it was last read */
    bool bad;          /* the last try failed */
};

struct arrival {
    bool here;
    json_t *resources; /* NULL: it failed */
    char why[512];
};

struct chain_lists {
    struct list lists[METRICS_VERSIONS];
    pthread_mutex_t lock;
    struct arrival arrivals[METRICS_VERSIONS]; /* under lock */
};

struct chain_lists *chain_lists_new(void)
{
    struct chain_lists *l = lp_alloc(sizeof *l);
    pthread_mutex_init(&l->lock, NULL);
    return l;
}

void chain_lists_free(struct chain_lists *l)
{
    if (!l)
        return;
    for (unsigned v = 0; v < METRICS_VERSIONS; v++) {
        json_decref(l->lists[v].resources);
        json_decref(l->arrivals[v].resources);
    }
    pthread_mutex_destroy(&l->lock);
    free(l);
}

void chain_lists_arrive(struct chain_lists *l, enum metrics_version v, const json_t *resources,
                        const char *why)
{
    struct arrival next = { .here = true, .resources = json_deep_copy(resources) };
    snprintf(next.why, sizeof next.why, "%s", why ? why : "");
    pthread_mutex_lock(&l->lock);
    json_t *old = l->arrivals[v].resources;
    l->arrivals[v] = next;
    pthread_mutex_unlock(&l->lock);
    json_decref(old);
}

static void chain_lists_publish(struct chain_lists *l)
{
    size_t left_out = 0;
    int64_t now_ms = lp_clock_ms(), oldest_ms = 0;
    for (unsigned v = 0; v < METRICS_VERSIONS; v++)
        if (l->lists[v].resources && now_ms - l->lists[v].read_ms > oldest_ms)
            oldest_ms = now_ms - l->lists[v].read_ms;
    lp_metric_set(telemetry.chain_list_age, (double)oldest_ms / 1e3);
    discovery_use((json_t *const[]){ l->lists[0].resources, l->lists[1].resources }, &left_out);
    if (left_out > 0) {
        lp_auto_free char *n = lp_sprintf("%zu", left_out);
        lp_log_warn("the other adapter lists more metrics than are shown", "hidden", n);
    }
}

/* Takes `resources` over. */
static void set_list(struct list *l, json_t *resources)
{
    json_decref(l->resources);
    l->resources = resources;
    l->read_ms = lp_clock_ms();
}

/* Takes the arrival's resources over. */
static void take_list(struct list *l, enum metrics_version v, struct arrival *arrival)
{
    bool was_bad = l->bad;
    l->bad = arrival->resources == NULL;
    if (arrival->resources)
        set_list(l, lp_take(arrival->resources));
    else if (l->resources && lp_clock_ms() - l->read_ms > KEPT_MS)
        set_list(l, NULL);
    if (l->bad && !was_bad)
        lp_log_warn("discovery shows the other adapter's metrics as last read, for an hour", "why",
                    arrival->why);
    else if (!l->bad && was_bad)
        lp_log_info("the other adapter lists its metrics again", "api_version",
                    metrics_version_name(v));
}

void chain_lists_show(struct chain_lists *l)
{
    struct arrival arrivals[METRICS_VERSIONS];
    bool any = false;
    pthread_mutex_lock(&l->lock);
    memcpy(arrivals, l->arrivals, sizeof arrivals);
    memset(l->arrivals, 0, sizeof l->arrivals);
    pthread_mutex_unlock(&l->lock);
    for (enum metrics_version v = METRICS_V1BETA2; v < METRICS_VERSIONS; v++) {
        any |= arrivals[v].here;
        if (arrivals[v].here)
            take_list(&l->lists[v], v, &arrivals[v]);
    }
    if (any)
        chain_lists_publish(l);
}

void chain_lists_forget(struct chain_lists *l)
{
    for (unsigned v = 0; v < METRICS_VERSIONS; v++) {
        set_list(&l->lists[v], NULL);
        l->lists[v].bad = false;
    }
    chain_lists_publish(l);
}
