/*
 * operator/floor.c -- METRICS_API=None: no APIService leads to us, so that HPAs cannot ask for
 * queue depths. Their plan leaves out that metric and minReplicas, and carries ANNOTATION_FLOOR in
 * their place; here the leader writes minReplicas, by server-side apply under a name of its own,
 * only where it changes. The HPA goes on by cpu and memory above it. The HPAs are those of the
 * cache: only writes go to the API server.
 *
 * Threads: one of its own.
 */
#include "operator/floor.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "kube/quantity.h"
#include "kube/version.h"
#include "metrics/metrics.h"
#include "operator/cache/owned.h"
#include "platform/plan.h"

#define LOOK_MS 2000
#define CLIENT_TIMEOUT_MS 10000
#define MAX_SERVICES 16384

struct floor {
    struct floor_options options;
    struct lp_kube_client *client;
    struct floor_histories *histories;
    struct lp_metric *left_out;
    bool told_left_out;
    pthread_t thread;
};

/* ---- the decision ---- */

static void note_need(struct floor_history *m, int64_t need, int64_t now_ms)
{
    int64_t slot = now_ms / FLOOR_SLOT_MS;
    for (int64_t i = m->slot + 1; i <= slot && i <= m->slot + FLOOR_SLOTS; i++)
        m->needs[i % FLOOR_SLOTS] = 0;
    if (slot > m->slot + FLOOR_SLOTS)
        memset(m->needs, 0, sizeof m->needs);
    m->slot = slot;
    if (need > m->needs[slot % FLOOR_SLOTS])
        m->needs[slot % FLOOR_SLOTS] = need;
}

int64_t floor_next(struct floor_history *m, const struct floor_input *in, int64_t now_ms)
{
    int64_t greatest = in->min, depth = in->paused ? -1 : in->depth_milli;
    bool first = m->slot == 0;
    if (depth >= 0)
        note_need(m, depth / in->target_milli + (depth % in->target_milli > 0), now_ms);
    if (first || depth < 0) /* what an earlier leader saw counts as seen now */
        note_need(m, in->now, now_ms);
    for (unsigned i = 0; i < FLOOR_SLOTS; i++)
        if (m->needs[i] > greatest)
            greatest = m->needs[i];
    return greatest < in->max ? greatest : in->max;
}

/* ---- the HPAs ---- */

/* False where the HPA is none of ours, or does not say what the floor is made of. */
static bool read_input(const json_t *hpa, struct floor_input *ret)
{
    const char *text = lp_json_str(hpa, "metadata", "annotations", ANNOTATION_FLOOR, NULL);
    json_auto_t *wish = NULL;
    struct lp_error err;
    if (!text || lp_json_parse(text, strlen(text), LP_LIMIT_CONFIG_BYTES, "floor", &wish, &err) < 0)
        return false;
    const char *target = lp_json_str(wish, "queueDepth", NULL);
    ret->min = lp_json_int(0, wish, "minReplicas", NULL);
    ret->paused = lp_json_bool(false, wish, "paused", NULL);
    ret->max = lp_json_int(0, hpa, "spec", "maxReplicas", NULL);
    ret->now = lp_json_int(1, hpa, "spec", "minReplicas", NULL);
    return ret->min > 0 && ret->min <= ret->max && target &&
           lp_quantity_parse(target, &ret->target_milli, &err) == 0 && ret->target_milli > 0;
}

/* Until the cache has what we wrote, that is what counts. */
static void note_written(struct floor_history *m, const json_t *answer, int64_t floor)
{
    const char *version = lp_json_str(answer, "metadata", "resourceVersion", NULL);

    m->written = floor;
    snprintf(m->version, sizeof m->version, "%s", version ? version : "");
}

static bool is_behind(const struct floor_history *m, const json_t *hpa)
{
    return *m->version && !lp_kube_version_reached(
                              lp_json_str(hpa, "metadata", "resourceVersion", NULL), m->version);
}

static int write_floor(struct floor *f, const char *ns, const char *name, int64_t floor,
                       struct floor_history *m, struct lp_error *err)
{
    static const struct lp_kube_apply_options options = { .field_manager = FLOOR_MANAGER,
                                                          .force = true };
    json_auto_t *answer = NULL;
    json_auto_t *o =
        lp_json_make("{s:s, s:s, s:{s:s, s:s}, s:{s:I}}", "apiVersion", "autoscaling/v2", "kind",
                     "HorizontalPodAutoscaler", "metadata", "name", name, "namespace", ns, "spec",
                     "minReplicas", (json_int_t)floor);
    int r = lp_kube_apply(f->client, &lp_kube_hpas, o, &options, &answer, err);
    if (r < 0)
        return lp_error_wrap(err, "minReplicas of HorizontalPodAutoscaler %s/%s", ns, name);
    note_written(m, answer, floor);
    return 0;
}

static int look_at(struct floor *f, const json_t *hpa, const char *ns, const char *name,
                   struct lp_error *err)
{
    const char *uid = lp_json_str(hpa, "metadata", "uid", NULL);
    lp_auto_free char *platform = owned_controller(hpa);
    struct floor_input in = { .depth_milli = -1 };
    if (!uid || !platform || !cache_has_platform(f->options.cache, platform) ||
        lp_json_str(hpa, "metadata", "deletionTimestamp", NULL) || !read_input(hpa, &in))
        return 0;
    struct floor_history *m = floor_histories_of(f->histories, uid);
    if (!m)
        return 0;
    bool written = is_behind(m, hpa);
    if (written)
        in.now = m->written;
    (void)adapter_queue_depth(f->options.adapter, ns, name, &in.depth_milli);
    int64_t floor = floor_next(m, &in, lp_clock_ms());
    if (floor == in.now && (written || lp_json_int(-1, hpa, "spec", "minReplicas", NULL) == floor))
        return 0;
    int r = write_floor(f, ns, name, floor, m, err);
    if (r < 0)
        return r;
    char change[64];
    snprintf(change, sizeof change, "%lld to %lld", (long long)in.now, (long long)floor);
    lp_log_info("minReplicas follows the queue depth", "namespace", ns, "hpa", name, "replicas",
                change);
    return 0;
}

static void tell_left_out(struct floor *f, unsigned n)
{
    lp_auto_free char *text = lp_sprintf("%u of more than %u", n, MAX_SERVICES);

    lp_metric_set(f->left_out, n);
    if (n > 0 && !f->told_left_out)
        lp_log_error("HPAs without a floor by the queue depth, as there are too many", "hpas",
                     text);
    f->told_left_out = n > 0;
}

static void note_key(const char *key, void *user)
{
    json_array_append_new(user, json_string(key));
}

/* One that cannot be written keeps no other from its floor; the last failure is the result. */
static int look(struct floor *f, struct lp_error *err)
{
    json_auto_t *keys = json_array();
    const json_t *key;
    int result = 0;
    size_t i;

    cache_child_keys(f->options.cache, CHILD_HPA, note_key, keys);
    floor_histories_begin(f->histories);
    json_array_foreach(keys, i, key)
    {
        lp_auto_free char *ns = lp_strdup(json_string_value(key));
        char *slash = strchr(ns, '/');
        if (!slash)
            continue;
        *slash = '\0';
        json_auto_t *hpa = cache_child(f->options.cache, CHILD_HPA, ns, slash + 1);
        int r = hpa ? look_at(f, hpa, ns, slash + 1, err) : 0;
        result = r < 0 ? r : result;
    }
    tell_left_out(f, floor_histories_end(f->histories));
    return result;
}

static void *floor_main(void *user)
{
    struct floor *f = user;
    bool said = false;
    while (!lp_stop_wait(f->options.stop, LOOK_MS)) {
        struct lp_error err = { 0 };
        char why[128];
        if (!f->options.leads(f->options.user) || !adapter_ready(f->options.adapter, why))
            continue;
        int r = look(f, &err);
        if (r < 0 && r != LP_E_CANCELED && !said)
            lp_log_warn("floors of HPAs are not in place; trying again", "why", err.msg);
        said = r < 0;
    }
    return NULL;
}

int floor_start(const struct floor_options *options, struct floor **ret_floor, struct lp_error *err)
{
    const struct lp_kube_client_options client = { .total_timeout_ms = CLIENT_TIMEOUT_MS,
                                                   .stop = options->stop,
                                                   .writes_until_ms = options->writes_until_ms,
                                                   .fence_user = options->user };
    struct floor *f = lp_alloc(sizeof *f);
    f->options = *options;
    f->histories = floor_histories_new(MAX_SERVICES);
    f->left_out = lp_metric_single(lp_metric_family(
        LP_METRIC_GAUGE, "lp_floor_services_left_out",
        "HPAs whose minReplicas does not follow the queue depth, as there are too many.", "", NULL,
        0));
    int r = lp_kube_client_new(options->kube, &client, &f->client, err);
    if (r == 0 && pthread_create(&f->thread, NULL, floor_main, f) != 0)
        r = lp_error_set(err, LP_E_INTERNAL, "cannot start the thread of the floors");
    if (r < 0) {
        lp_kube_client_free(f->client);
        floor_histories_free(f->histories);
        free(f);
        return r;
    }
    pthread_setname_np(f->thread, "floors");
    *ret_floor = f;
    return 0;
}

void floor_join(struct floor *f)
{
    if (!f)
        return;
    pthread_join(f->thread, NULL);
    lp_kube_client_free(f->client);
    floor_histories_free(f->histories);
    free(f);
}
