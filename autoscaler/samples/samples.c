/*
 * The services that we scrape for: Deployments, their ReplicaSets and HPAs, and how recent it all
 * is. The pods are in samples_pods.c, what they say in samples_report.c and samples_read.c.
 *
 * The watches put objects in and take them out, so that a deleted or unready pod is gone from the
 * answers with the event that tells of it. The scraper takes what is due and reports. A pod is
 * found by name in a sorted table (answers come out ordered, a namespace is one range of it), by id
 * in an array.
 *
 * Threads: every public function takes the one lock, for microseconds: nothing here waits.
 */
#include "autoscaler/samples/samples.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autoscaler/samples/samples_parts.h"
#include "base/hash.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "json/json.h"
#include "kube/owner.h"
#include "kube/quantity.h"

struct samples *samples_new(int64_t interval_ms, int64_t warm_up_ms)
{
    struct samples *s = lp_alloc(sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    s->interval_ms = interval_ms;
    s->warm_up_ms = warm_up_ms;
    s->handles = UINT_MAX;
    return s;
}

/* ---- namespaces ---- */

static struct space *space_of(struct samples *s, const char *key)
{
    lp_auto_free char *ns = lp_sprintf("%.*s", (int)strcspn(key, "/"), key);
    struct space *space = table_get(&s->spaces, ns);
    if (!space) {
        space = lp_alloc(sizeof *space);
        space->key = lp_take(ns);
        table_add(&s->spaces, space);
    }
    space->n_services++;
    return space;
}

static void space_drop(struct samples *s, struct space *space)
{
    if (--space->n_services > 0)
        return;
    table_remove(&s->spaces, space->key);
    free(space->key);
    free(space);
}

static void service_free(struct service *v)
{
    lp_labels_unref(v->labels);
    free(v->sets);
    free(v->key);
    free(v);
}

void samples_free(struct samples *s)
{
    if (!s)
        return;
    for (unsigned i = 0; i < s->pods.n; i++)
        samples_pod_free((struct pod *)s->pods.items[i]);
    for (unsigned i = 0; i < s->services.n; i++) {
        struct service *v = (struct service *)s->services.items[i];
        space_drop(s, v->space);
        service_free(v);
    }
    free(s->spaces.items);
    free(s->pods.items);
    free(s->services.items);
    free(s->slots);
    free(s->due);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

bool samples_name_ok(const char *name)
{
    size_t n = 0;
    for (; name && name[n]; n++)
        if (!isalnum((unsigned char)name[n]) && !strchr("-._", name[n]))
            return false;
    return n >= 1 && n <= 253;
}

/* ---- services ---- */

struct service *samples_service_make(struct samples *s, const char *key)
{
    struct service *v = table_get(&s->services, key);
    if (v)
        return v;
    v = lp_alloc(sizeof *v);
    v->key = lp_strdup(key);
    v->name = strchr(v->key, '/') + 1;
    v->space = space_of(s, key);
    v->peak.running = v->peak.last = -1;
    table_add(&s->services, v);
    samples_note_sweep(s, v);
    return v;
}

void samples_service_drop(struct samples *s, struct service *v)
{
    if (v->deployed || v->has_hpa || v->pods || v->n_sets > 0)
        return;
    table_remove(&s->services, v->key);
    space_drop(s, v->space);
    service_free(v);
}

char *samples_key(const char *ns, const char *name)
{
    return samples_name_ok(ns) && samples_name_ok(name) ? lp_sprintf("%s/%s", ns, name) : NULL;
}

/* ---- who owns what ---- */

static uint32_t revision_by(const struct service *v, uint64_t owner_hash)
{
    for (unsigned i = 0; v->deployed && i < v->n_sets; i++)
        if (v->sets[i].uid_hash == owner_hash)
            return v->sets[i].deployment_hash == v->uid_hash ? v->sets[i].revision : 0;
    return 0;
}

bool samples_pod_own(struct pod *p, int64_t now_ms)
{
    bool was_asked = samples_is_asked(p);
    p->revision = revision_by(p->service, p->owner_hash);
    if (was_asked || !samples_is_asked(p))
        return false;
    samples_keep_start(p);
    p->due_ms = p->seen_ms = now_ms;
    return true;
}

static bool own_pods(struct service *v, int64_t now_ms)
{
    bool sooner = false;
    for (struct pod *p = v->pods; p; p = p->sibling)
        sooner |= samples_pod_own(p, now_ms);
    return sooner;
}

/* ---- Deployments and HPAs ---- */

/* Its controller is a LearningPlatform, of whatever version. */
static bool is_platforms(const json_t *deployment)
{
    static const char group[] = "learningplatform.io/";
    const char *version =
        lp_json_str(lp_kube_controller(deployment, "LearningPlatform"), "apiVersion", NULL);
    return version && strncmp(version, group, sizeof group - 1) == 0;
}

bool samples_deployment(struct samples *s, const json_t *deployment, bool gone, int64_t now_ms)
{
    lp_auto_free char *key = samples_key(lp_json_str(deployment, "metadata", "namespace", NULL),
                                         lp_json_str(deployment, "metadata", "name", NULL));
    if (!key)
        return false;
    pthread_mutex_lock(&s->lock);
    struct service *v = samples_service_make(s, key);
    const char *uid = lp_json_str(deployment, "metadata", "uid", NULL);
    v->deployed = !gone && is_platforms(deployment);
    snprintf(v->uid, sizeof v->uid, "%s", uid ? uid : "");
    v->uid_hash = lp_hash(uid);
    v->replicas = lp_json_int(1, deployment, "spec", "replicas", NULL);
    lp_labels_unref(v->labels);
    v->labels = lp_labels_new(deployment);
    bool sooner = own_pods(v, now_ms);
    samples_note_sweep(s, v);
    samples_service_drop(s, v);
    pthread_mutex_unlock(&s->lock);
    return sooner;
}

/* The target of the Object metric queue_depth, per pod; 0 where the HPA has none. */
static int64_t target_of(const json_t *hpa)
{
    size_t i;
    json_t *metric;
    json_array_foreach(lp_json_at(hpa, "spec", "metrics", NULL), i, metric)
    {
        const char *name = lp_json_str(metric, "object", "metric", "name", NULL);
        const char *text = lp_json_str(metric, "object", "target", "averageValue", NULL);
        struct lp_error err;
        int64_t milli;
        if (name && text && strcmp(name, "queue_depth") == 0 &&
            lp_quantity_parse(text, &milli, &err) == 0)
            return milli;
    }
    return 0;
}

void samples_hpa(struct samples *s, const json_t *hpa, bool gone)
{
    lp_auto_free char *key = samples_key(lp_json_str(hpa, "metadata", "namespace", NULL),
                                         lp_json_str(hpa, "metadata", "name", NULL));
    if (!key)
        return;
    pthread_mutex_lock(&s->lock);
    struct service *v = samples_service_make(s, key);
    v->has_hpa = !gone;
    v->target = gone ? 0 : target_of(hpa);
    samples_service_drop(s, v);
    pthread_mutex_unlock(&s->lock);
}

/* ---- ReplicaSets ---- */

/* `revision` 0: it is gone. */
static void set_replica_set(struct service *v, const struct replica_set *set)
{
    unsigned i = 0;
    while (i < v->n_sets && v->sets[i].uid_hash != set->uid_hash)
        i++;
    if (set->revision == 0) {
        if (i < v->n_sets)
            v->sets[i] = v->sets[--v->n_sets];
        return;
    }
    if (i == v->n_sets)
        v->sets = lp_realloc(v->sets, ++v->n_sets * sizeof *v->sets);
    v->sets[i] = *set;
}

/* The annotation that the Deployment's controller counts up with each rollout and each undo. */
static uint32_t revision_of(const json_t *replica_set)
{
    const char *text = lp_json_str(replica_set, "metadata", "annotations",
                                   "deployment.kubernetes.io/revision", NULL);
    unsigned long n = text ? strtoul(text, NULL, 10) : 0;
    return n == 0 ? 1 : n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

bool samples_replica_set(struct samples *s, const json_t *replica_set, bool gone, int64_t now_ms)
{
    const json_t *owner = lp_kube_controller(replica_set, "Deployment");
    lp_auto_free char *key = samples_key(lp_json_str(replica_set, "metadata", "namespace", NULL),
                                         lp_json_str(owner, "name", NULL));
    if (!key)
        return false;
    const struct replica_set set = {
        .uid_hash = lp_hash(lp_json_str(replica_set, "metadata", "uid", NULL)),
        .deployment_hash = lp_hash(lp_json_str(owner, "uid", NULL)),
        .revision = gone ? 0 : revision_of(replica_set),
    };
    pthread_mutex_lock(&s->lock);
    struct service *v = samples_service_make(s, key);
    set_replica_set(v, &set);
    bool sooner = own_pods(v, now_ms);
    samples_note_sweep(s, v);
    samples_service_drop(s, v);
    pthread_mutex_unlock(&s->lock);
    return sooner;
}

/* ---- how recent it all is ---- */

void samples_note_sweep(struct samples *s, struct service *v)
{
    if (v->swept || !s->synced)
        return;
    for (const struct pod *p = v->pods; p; p = p->sibling)
        if (samples_is_asked(p) && p->result_ms == 0)
            return;
    v->swept = true;
}

void samples_synced(struct samples *s, int64_t now_ms)
{
    pthread_mutex_lock(&s->lock);
    s->synced = true;
    s->synced_ms = now_ms;
    for (unsigned i = 0; i < s->services.n; i++)
        samples_note_sweep(s, (struct service *)s->services.items[i]);
    pthread_mutex_unlock(&s->lock);
}

int64_t samples_oldest_age(struct samples *s, int64_t now_ms, unsigned *ret_pods)
{
    int64_t oldest = 0;
    *ret_pods = 0;
    pthread_mutex_lock(&s->lock);
    for (unsigned i = 0; i < s->n_slots; i++) {
        const struct pod *p = s->slots[i];
        if (!p || !samples_is_asked(p))
            continue;
        int64_t since = p->result_ms != 0 ? p->result_ms : p->seen_ms;
        oldest = now_ms - since > oldest ? now_ms - since : oldest;
        (*ret_pods)++;
    }
    pthread_mutex_unlock(&s->lock);
    return oldest;
}

unsigned samples_silent(struct samples *s, int64_t now_ms)
{
    unsigned n = 0;
    pthread_mutex_lock(&s->lock);
    for (unsigned i = 0; i < s->n_slots; i++) {
        const struct pod *p = s->slots[i];
        n += p && samples_is_asked(p) && p->at_ms != 0 && now_ms - p->at_ms > SAMPLES_MAX_AGE_MS;
    }
    pthread_mutex_unlock(&s->lock);
    return n;
}

/* A service whose first sweep is not done; NULL: none. */
static const struct service *find_unswept_locked(const struct samples *s)
{
    for (unsigned i = 0; i < s->services.n; i++) {
        const struct service *v = (const struct service *)s->services.items[i];
        if (!v->swept)
            return v;
    }
    return NULL;
}

bool samples_swept(struct samples *s, int64_t now_ms, char why[128])
{
    bool swept = false;
    pthread_mutex_lock(&s->lock);
    const struct service *v = find_unswept_locked(s);
    int64_t looked_ms = now_ms - (s->look_ms > 0 ? s->look_ms : s->synced_ms);
    if (!s->synced)
        snprintf(why, 128, "pods and Deployments are not read from the API server yet");
    else if (v && now_ms - s->synced_ms <= SAMPLES_SWEEP_AGE_MS)
        snprintf(why, 128, "the first sweep over the pods of %.64s is not done yet", v->name);
    else if (looked_ms > SAMPLES_SWEEP_AGE_MS)
        snprintf(why, 128, "the scraper has not looked for pods for %lld ms", (long long)looked_ms);
    else
        swept = true;
    pthread_mutex_unlock(&s->lock);
    return swept;
}
