/*
 * operator/floor.c -- what must not wait for the HPA controller. Where the spec of a service has a
 * burst or a fallback, or where METRICS_API=None so that HPAs cannot ask for queue depths, the plan
 * of its HPA leaves out minReplicas and carries ANNOTATION_FLOOR in its place. Here the leader
 * writes minReplicas, by server-side apply under a name of its own, only where it changes
 * (autoscaler/policy/lift.h says to what), and in a burst scales the Deployment in the same look.
 * What was written stays in etcd when all our processes die. The HPAs are those of the cache: only
 * writes go to the API server.
 *
 * Threads: one of its own.
 */
#include "operator/floor.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "kube/quantity.h"
#include "kube/version.h"
#include "metrics/metrics.h"
#include "operator/cache/owned.h"
#include "operator/floor_scale.h"
#include "platform/plan.h"

#define LOOK_MS 500  /* from look to look: a step in load shows within it, after a scrape */
#define PAUSE_MS 100 /* after a look that took longer, so that decisions never take a core */
#define CLIENT_TIMEOUT_MS 10000
#define MAX_SERVICES 16384

struct floor {
    struct floor_options options;
    struct lp_kube_client *client;
    struct floor_histories *histories;
    struct lp_metric *left_out;
    bool told_left_out;
    bool swept;
    pthread_t thread;
};

/* ---- what an HPA says of itself ---- */

static int64_t milli_of(const json_t *o, const char *name)
{
    const char *text = lp_json_str(o, name, NULL);
    int64_t milli = 0;
    struct lp_error ignored;

    return text && lp_quantity_parse(text, &milli, &ignored) == 0 && milli > 0 ? milli : 0;
}

/* All 0 where the HPA does not say what its floor is made of. */
static void read_rule(const json_t *hpa, struct floor_history *h)
{
    const char *text = lp_json_str(hpa, "metadata", "annotations", ANNOTATION_FLOOR, NULL);
    json_auto_t *wish = NULL;
    struct lp_error err;

    h->rule = (struct lift_rule){ .min = 0 };
    h->zero_rule = (struct zero_rule){ 0 };
    if (!text || lp_json_parse(text, strlen(text), LP_LIMIT_CONFIG_BYTES, "floor", &wish, &err) < 0)
        return;
    const json_t *burst = json_object_get(wish, "burst");
    const json_t *fallback = json_object_get(wish, "fallback");
    h->rule.burst =
        (struct burst_rule){ milli_of(burst, "factor"), lp_json_int(0, burst, "waitMs", NULL),
                             lp_json_int(0, burst, "holdS", NULL) * 1000 };
    h->rule.fallback = (struct fallback_rule){ lp_json_int(0, fallback, "replicas", NULL),
                                               lp_json_int(0, fallback, "afterS", NULL) * 1000 };
    h->target_milli = milli_of(wish, "queueDepth");
    h->paused = lp_json_bool(false, wish, "paused", NULL);
    h->paused_down = lp_json_bool(false, wish, "pausedDown", NULL);
    h->zero_rule = (struct zero_rule){ lp_json_int(0, wish, "idleS", NULL) * 1000 };
    h->rule.max = lp_json_int(0, hpa, "spec", "maxReplicas", NULL);
    h->rule.min = lp_json_int(0, wish, "minReplicas", NULL);
    if (h->rule.min < 0 || h->rule.min > h->rule.max)
        h->rule.min = 0;
}

static enum lift_source source_of(const json_t *hpa)
{
    const char *text = lp_json_str(hpa, "metadata", "annotations", ANNOTATION_LIFTED, NULL);

    for (unsigned i = LIFT_BURST; text && i < N_LIFT_SOURCES; i++)
        if (strstr(text, lift_sources[i]))
            return i;
    return LIFT_SPEC;
}

static void read_hpa(const json_t *hpa, struct floor_history *h)
{
    const char *uid = lp_json_str(hpa, "metadata", "uid", NULL);
    const char *version = lp_json_str(hpa, "metadata", "resourceVersion", NULL);
    const char *service = lp_json_str(hpa, "metadata", "labels", LABEL_NAME, NULL);
    lp_auto_free char *platform = owned_controller(hpa);

    if (h->uid_hash != lp_hash(uid))
        *h = (struct floor_history){ .uid_hash = lp_hash(uid) };
    if (*h->version && !lp_kube_version_reached(version, h->version))
        return; /* until the cache has what we wrote, that is what counts */
    read_rule(hpa, h);
    if (!platform || lp_json_str(hpa, "metadata", "deletionTimestamp", NULL))
        h->rule.min = 0;
    snprintf(h->platform, sizeof h->platform, "%s", platform ? platform : "");
    snprintf(h->read, sizeof h->read, "%s", version ? version : "");
    snprintf(h->service, sizeof h->service, "%s", service ? service : "");
    h->now = lp_json_int(1, hpa, "spec", "minReplicas", NULL);
    h->source = source_of(hpa);
}

/* ---- writing ---- */

static void note_written(struct floor_history *h, const json_t *answer, const struct lift *lift)
{
    const char *version = lp_json_str(answer, "metadata", "resourceVersion", NULL);

    h->now = lift->replicas;
    h->source = lift->source;
    snprintf(h->version, sizeof h->version, "%s", version ? version : "");
}

/* The part of the spec about a service; NULL: there is none. */
static const json_t *spec_of(const json_t *platform, const char *service)
{
    for (unsigned i = 0; i < N_OWN_SERVICES; i++)
        if (strcmp(service, service_kinds[i].name) == 0)
            return lp_json_at(platform, "spec", "services", service_kinds[i].key, NULL);
    return lp_json_find(lp_json_at(platform, "spec", "extraServices", NULL), "name", service);
}

/* A platform, or a service, that its users paused is left alone. */
static bool is_held(struct floor *f, const struct floor_history *h, const char *ns)
{
    const char *name = h->platform + strlen(ns) + 1;
    json_auto_t *platform = cache_platform(f->options.cache, ns, name);
    const char *mode = lp_json_str(platform, "spec", "mode", NULL);

    return !platform || (mode && strcmp(mode, "Active") != 0) ||
           lp_json_bool(false, spec_of(platform, h->service), "paused", NULL);
}

/* What a person reads on the HPA; NULL: that its spec, a schedule or the queue depth lifts it. */
static json_t *lifted_annotation(const struct floor_history *h, const struct lift *lift)
{
    lp_auto_buf struct lp_buf why = LP_BUF_INIT(400);

    lift_text(&h->lift, &h->rule, lift, &why);
    if (why.len == 0)
        return NULL;
    json_auto_t *o = lp_json_make("{s:s, s:I, s:s}", "source", lift_sources[lift->source],
                                  "replicas", (json_int_t)lift->replicas, "why", why.ptr);
    lp_auto_free char *text = json_dumps(o, JSON_COMPACT);
    return lp_json_make("{s:s}", ANNOTATION_LIFTED, text);
}

static int write_floor(struct floor *f, const char *ns, const char *name, struct floor_history *h,
                       const struct lift *lift, struct lp_error *err)
{
    static const struct lp_kube_apply_options options = { .field_manager = FLOOR_MANAGER,
                                                          .force = true };
    json_auto_t *answer = NULL;
    json_auto_t *o = lp_json_make(
        "{s:s, s:s, s:{s:s, s:s, s:o*}, s:{s:I}}", "apiVersion", "autoscaling/v2", "kind",
        "HorizontalPodAutoscaler", "metadata", "name", name, "namespace", ns, "annotations",
        lifted_annotation(h, lift), "spec", "minReplicas", (json_int_t)lift->replicas);
    int r = lp_kube_apply(f->client, &lp_kube_hpas, o, &options, &answer, err);
    if (r < 0)
        return lp_error_wrap(err, "minReplicas of HorizontalPodAutoscaler %s/%s", ns, name);
    char change[64];
    snprintf(change, sizeof change, "%lld to %lld", (long long)h->now, (long long)lift->replicas);
    lp_log_info("minReplicas is lifted or let go", "namespace", ns, "hpa", name, "replicas", change,
                "by", lift_sources[lift->source]);
    note_written(h, answer, lift);
    return 0;
}

/* ---- a look ---- */

static void decide(struct floor *f, const char *ns, const char *name, struct floor_history *h,
                   const struct adapter_load *load, struct lift *ret_lift)
{
    struct floor_input depth = { h->rule.min, h->rule.max, h->now, -1, h->target_milli, h->paused };
    int64_t now_ms = lp_clock_ms();
    struct lift_input in = { .known = load->known,
                             .need_milli = load->need_milli,
                             .wait_ms = load->wait_ms,
                             .current = load->current,
                             .ready = load->ready,
                             .floor = h->now,
                             .paused = h->paused };
    if (h->target_milli > 0) {
        (void)adapter_queue_depth(f->options.adapter, ns, name, &depth.depth_milli);
        in.queue_floor = floor_next(h, &depth, now_ms);
    }
    lift_next(&h->lift, &h->rule, &in, now_ms, ret_lift);
}

/* Whose pods tell that the service is waited for. */
static enum service_id asker_of(const struct floor_history *h)
{
    for (unsigned i = 0; i < N_OWN_SERVICES; i++)
        if (strcmp(h->service, service_kinds[i].name) == 0)
            return service_kinds[i].asker;
    return SERVICE_GATEWAY;
}

/* The load of the asker is known: who waits there for a service says so. */
static bool hears_who_waits(struct floor *f, const char *ns, const char *asker)
{
    int64_t depth;

    return adapter_queue_depth(f->options.adapter, ns, asker, &depth);
}

/* While pods of the gateway are replaced by such that hold requests, the idle time begins anew.
 * What leaves jobs has nothing to hold: they wait in their database. */
static enum zero_action unless_unheld(struct floor *f, const struct floor_history *h,
                                      const char *ns, const char *gateway, enum zero_action next)
{
    if (next != ZERO_SLEEP || asker_of(h) != SERVICE_GATEWAY ||
        floor_gateway_holds(f->options.cache, ns, gateway, h->service))
        return next;
    lp_log_info("not scaled to zero: not every pod of the gateway holds its requests yet",
                "namespace", ns, "gateway", gateway, "service", h->service);
    return ZERO_STAY;
}

static enum zero_action decide_zero(struct floor *f, const char *ns, const char *name,
                                    struct floor_history *h, const struct adapter_load *load,
                                    const struct lift *lift)
{
    bool asleep = load->current == 0 && floor_is_asleep(f->options.cache, ns, name);
    int64_t depth = -1;

    if (h->zero_rule.idle_ms == 0 && !asleep)
        return ZERO_STAY;
    lp_auto_free char *asker =
        lp_sprintf("%s-%s", h->platform + strlen(ns) + 1, service_kinds[asker_of(h)].name);
    bool known = adapter_queue_depth(f->options.adapter, ns, name, &depth) && load->known &&
                 hears_who_waits(f, ns, asker);
    const struct zero_input in = {
        .quiet = known && depth == 0 && load->arrivals_milli == 0 && load->ready > 0,
        .current = load->current,
        .asleep = asleep,
        .floor = lift->replicas,
        .awaited = known ? depth : -1,
        .paused = h->paused_down,
    };
    return unless_unheld(f, h, ns, asker, zero_next(&h->zero, &h->zero_rule, &in, lp_clock_ms()));
}

static bool is_told(const struct floor_history *h, const struct lift *lift)
{
    enum lift_source source = lift->source < LIFT_BURST ? LIFT_SPEC : lift->source;
    enum lift_source told = h->source < LIFT_BURST ? LIFT_SPEC : h->source;

    return lift->replicas == h->now && source == told;
}

/* A service that a burst has lifted already waits until those that have nothing yet are lifted: a
 * write takes tens of milliseconds where the API server is busy, and a class comes to all its
 * platforms in the same seconds. */
static bool can_wait(const struct floor_history *h, const struct lift *lift, enum zero_action zero)
{
    return lift->source == LIFT_BURST && h->source == LIFT_BURST && zero == ZERO_STAY;
}

/* What is there to write is written, unless its users hold it back. 1: it can wait, and `patient`.
 */
static int carry_out(struct floor *f, const char *ns, const char *name, struct floor_history *h,
                     const struct lift *lift, enum zero_action zero, bool patient,
                     struct lp_error *err)
{
    bool told = is_told(h, lift);

    if ((told && !lift->at_once && zero == ZERO_STAY) || is_held(f, h, ns))
        return 0;
    if (patient && can_wait(h, lift, zero))
        return 1;
    h->tried_ms = lp_clock_ms(); /* of the scale alone, too: what fails goes behind the others */
    int r = told ? 0 : write_floor(f, ns, name, h, lift, err);
    if (r == 0 && lift->at_once)
        r = floor_scale_up(f->client, f->options.cache, ns, name, lift->replicas, err);
    if (r == 0 && zero != ZERO_STAY)
        r = floor_scale_zero(f->client, f->options.cache, ns, name,
                             zero == ZERO_SLEEP ? 0 : lift->replicas, err);
    return r;
}

static int look_at_hpa(struct floor *f, struct floor_history *h, const char *key, const char *ns,
                       const char *name, bool patient, struct lp_error *err)
{
    struct adapter_load load;
    struct lift lift;

    if (!cache_child_is(f->options.cache, CHILD_HPA, key, h->read)) {
        json_auto_t *hpa = cache_child(f->options.cache, CHILD_HPA, ns, name);
        if (!hpa)
            return 0;
        read_hpa(hpa, h);
    }
    if (h->rule.min == 0 || !cache_has_platform(f->options.cache, h->platform))
        return 0;
    adapter_load(f->options.adapter, ns, name, &load);
    decide(f, ns, name, h, &load, &lift);
    enum zero_action zero = decide_zero(f, ns, name, h, &load, &lift);
    return carry_out(f, ns, name, h, &lift, zero, patient, err);
}

/* 1: there is something to write that can wait; only if `patient`. */
static int look_at(struct floor *f, struct floor_history *h, const char *key, bool patient,
                   struct lp_error *err)
{
    lp_auto_free char *ns = lp_strdup(key);
    char *slash = strchr(ns, '/');

    if (!slash)
        return 0;
    *slash = '\0';
    return look_at_hpa(f, h, key, ns, slash + 1, patient, err);
}

static void tell_left_out(struct floor *f, unsigned n)
{
    lp_auto_free char *text = lp_sprintf("%u of more than %u", n, MAX_SERVICES);

    lp_metric_set(f->left_out, n);
    if (n > 0 && !f->told_left_out)
        lp_log_error("HPAs that are not lifted, as there are too many", "hpas", text);
    f->told_left_out = n > 0;
}

static void note_key(const char *key, void *user)
{
    json_array_append_new(user, json_string(key));
}

/* In the order of their last attempts, at least one, and as many as there is time for in this look;
 * the others come first in the next one. */
static int look_at_later(struct floor *f, struct floor_later *later, size_t n, int64_t until_ms,
                         struct lp_error *err)
{
    int result = 0;

    floor_later_sort(later, n);
    for (size_t i = 0; i < n && (i == 0 || lp_clock_ms() < until_ms); i++) {
        int r = look_at(f, later[i].history, later[i].key, false, err);
        result = r < 0 ? r : result;
    }
    return result;
}

/* One that cannot be written keeps no other from its floor; the last failure is the result. */
static int look(struct floor *f, int64_t until_ms, struct lp_error *err)
{
    json_auto_t *keys = json_array();
    int result = 0;
    size_t n = 0, i;
    json_t *key;

    cache_lifted_keys(f->options.cache, note_key, keys);
    lp_auto_free struct floor_later *later = lp_calloc(json_array_size(keys) + 1, sizeof *later);
    floor_histories_begin(f->histories);
    json_array_foreach(keys, i, key)
    {
        const char *text = json_string_value(key);
        struct floor_history *h = floor_histories_of(f->histories, text);
        int r = h ? look_at(f, h, text, true, err) : 0;
        if (r > 0)
            later[n++] = (struct floor_later){ text, h };
        result = r < 0 ? r : result;
    }
    tell_left_out(f, floor_histories_end(f->histories));
    int r = look_at_later(f, later, n, until_ms, err);
    return r < 0 ? r : result;
}

/* Who does not lead forgets: the leader decided meanwhile. */
static void forget_all(struct floor *f)
{
    floor_histories_begin(f->histories);
    floor_histories_end(f->histories);
}

/* Once there was a sweep, what is missing later is lost. */
static bool may_begin(struct floor *f)
{
    char why[128];

    f->swept = f->swept || adapter_ready(f->options.adapter, why);
    return f->swept;
}

static int64_t pause_until(int64_t next_ms)
{
    int64_t pause_ms = next_ms - lp_clock_ms();

    return pause_ms > PAUSE_MS ? pause_ms : PAUSE_MS;
}

static void *floor_main(void *user)
{
    struct floor *f = user;
    int64_t next_ms = lp_clock_ms() + LOOK_MS;
    bool said = false;
    while (!lp_stop_wait(f->options.stop, pause_until(next_ms))) {
        struct lp_error err = { 0 };
        next_ms = lp_clock_ms() + LOOK_MS;
        if (!f->options.leads(f->options.user)) {
            forget_all(f);
            continue;
        }
        if (!may_begin(f))
            continue;
        int r = look(f, next_ms, &err);
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
        "HPAs whose minReplicas does not follow the load, as there are too many.", "", NULL, 0));
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
