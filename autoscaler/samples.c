/*
 * The pods that we scrape, what they said, and how old that is.
 *
 * The watches put pods in and take them out, so that a deleted or unready pod is gone from the
 * answers with the event that tells of it. The scraper takes what is due and reports. A pod is
 * found by name in a sorted table (answers come out ordered, a namespace is one range of it), by id
 * in an array.
 *
 * Threads: every public function takes the one lock, for microseconds: nothing here waits.
 */
#include "autoscaler/samples.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "autoscaler/samples_table.h"
#include "base/alloc.h"
#include "json/json.h"
#include "kube/quantity.h"

#define MAX_PAUSE_MS                                                                           \
    4000                /* between two scrapes of a pod that fails; below SAMPLES_SWEEP_AGE_MS \
                         */
#define FREE_FAILURES 3 /* until the pauses grow */

struct samples *samples_new(int64_t interval_ms)
{
    struct samples *s = lp_alloc(sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    s->interval_ms = interval_ms;
    return s;
}

static void pod_free(struct pod *p)
{
    labels_unref(p->labels);
    free(p->key);
    free(p);
}

static void service_free(struct service *v)
{
    labels_unref(v->labels);
    free(v->key);
    free(v);
}

void samples_free(struct samples *s)
{
    if (!s)
        return;
    for (unsigned i = 0; i < s->pods.n; i++)
        pod_free((struct pod *)s->pods.items[i]);
    for (unsigned i = 0; i < s->services.n; i++)
        service_free((struct service *)s->services.items[i]);
    free(s->pods.items);
    free(s->services.items);
    free(s->slots);
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

static struct service *service_make(struct samples *s, const char *key)
{
    struct service *v = table_get(&s->services, key);
    if (v)
        return v;
    v = lp_alloc(sizeof *v);
    v->key = lp_strdup(key);
    v->name = strchr(v->key, '/') + 1;
    table_add(&s->services, v);
    return v;
}

static void service_drop_unused(struct samples *s, struct service *v)
{
    if (v->deployed || v->has_hpa || v->pods)
        return;
    table_remove(&s->services, v->key);
    service_free(v);
}

/* namespace/name of an object whose names may stand in an answer, NULL otherwise. The caller's. */
static char *key_of(const char *ns, const char *name)
{
    return samples_name_ok(ns) && samples_name_ok(name) ? lp_sprintf("%s/%s", ns, name) : NULL;
}

void samples_deployment(struct samples *s, const json_t *deployment, bool gone)
{
    lp_auto_free char *key = key_of(lp_json_str(deployment, "metadata", "namespace", NULL),
                                    lp_json_str(deployment, "metadata", "name", NULL));
    if (!key)
        return;
    pthread_mutex_lock(&s->lock);
    struct service *v = service_make(s, key);
    v->deployed = !gone;
    v->replicas = lp_json_int(1, deployment, "spec", "replicas", NULL);
    labels_unref(v->labels);
    v->labels = labels_new(deployment);
    service_drop_unused(s, v);
    pthread_mutex_unlock(&s->lock);
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
    lp_auto_free char *key = key_of(lp_json_str(hpa, "metadata", "namespace", NULL),
                                    lp_json_str(hpa, "metadata", "name", NULL));
    if (!key)
        return;
    pthread_mutex_lock(&s->lock);
    struct service *v = service_make(s, key);
    v->has_hpa = !gone;
    v->target = gone ? 0 : target_of(hpa);
    service_drop_unused(s, v);
    pthread_mutex_unlock(&s->lock);
}

/* ---- pods ---- */

/* A new life: nothing known from the one before. */
static void pod_renew(struct samples *s, struct pod *p)
{
    p->id = (uint64_t)++s->generation << 32 | (uint32_t)p->id;
    p->at_ms = p->result_ms = 0;
    p->failures = 0;
    p->out = false;
}

static void pod_take_slot(struct samples *s, struct pod *p)
{
    unsigned i = 0;
    while (i < s->n_slots && s->slots[i])
        i++;
    if (i == s->n_slots) {
        s->slots = lp_realloc(s->slots, (s->n_slots + 64) * sizeof(void *));
        memset(s->slots + s->n_slots, 0, 64 * sizeof(void *));
        s->n_slots += 64;
    }
    s->slots[i] = p;
    p->id = i;
}

static struct pod *pod_make(struct samples *s, const char *key, struct service *v)
{
    struct pod *p = lp_alloc(sizeof *p);
    p->key = lp_strdup(key);
    p->name = strchr(p->key, '/') + 1;
    p->service = v;
    p->sibling = v->pods;
    v->pods = p;
    pod_take_slot(s, p);
    table_add(&s->pods, p);
    return p;
}

static void pod_remove(struct samples *s, struct pod *p)
{
    struct service *v = p->service;
    for (struct pod **at = &v->pods; *at; at = &(*at)->sibling)
        if (*at == p) {
            *at = p->sibling;
            break;
        }
    s->slots[(uint32_t)p->id] = NULL;
    table_remove(&s->pods, p->key);
    pod_free(p);
    service_drop_unused(s, v);
}

static bool is_ready(const json_t *pod)
{
    const char *phase = lp_json_str(pod, "status", "phase", NULL);
    if (!phase || strcmp(phase, "Running") != 0 ||
        lp_json_at(pod, "metadata", "deletionTimestamp", NULL))
        return false;
    size_t i;
    json_t *condition;
    json_array_foreach(lp_json_at(pod, "status", "conditions", NULL), i, condition)
    {
        const char *type = lp_json_str(condition, "type", NULL);
        const char *status = lp_json_str(condition, "status", NULL);
        if (type && status && strcmp(type, "Ready") == 0)
            return strcmp(status, "True") == 0;
    }
    return false;
}

static bool is_address(const char *ip)
{
    unsigned char bytes[16];
    return ip && (inet_pton(AF_INET, ip, bytes) == 1 || inet_pton(AF_INET6, ip, bytes) == 1);
}

static uint64_t hash_of(const char *text)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (; text && *text; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return h;
}

static void pod_set_labels(struct pod *p, const json_t *object)
{
    struct labels *l = labels_new(object);
    labels_unref(p->labels);
    p->labels = NULL;
    for (struct pod *other = p->service->pods; other; other = other->sibling)
        if (other->labels && labels_equal(other->labels, l)) {
            labels_unref(l);
            l = labels_ref(other->labels);
            break;
        }
    p->labels = l;
}

/* True where it is due at once, which is so at the start of each life. */
static bool pod_update(struct samples *s, struct pod *p, const json_t *object, int64_t now_ms)
{
    const char *ip = lp_json_str(object, "status", "podIP", NULL);
    uint64_t uid_hash = hash_of(lp_json_str(object, "metadata", "uid", NULL));
    bool ready = is_ready(object) && is_address(ip);
    pod_set_labels(p, object);
    if (ready == p->ready && uid_hash == p->uid_hash && (!ready || strcmp(ip, p->ip) == 0))
        return false;
    p->ready = ready;
    p->uid_hash = uid_hash;
    pod_renew(s, p);
    if (!ready)
        return false;
    memcpy(p->ip, ip, strlen(ip) + 1);
    p->ready_since_ms = p->due_ms = now_ms;
    return true;
}

/* namespace/<part-of>-<name>, the caller's; NULL for a pod that is none of ours. */
static char *service_key_of(const json_t *pod)
{
    const char *part_of = lp_json_str(pod, "metadata", "labels", "app.kubernetes.io/part-of", NULL);
    const char *name = lp_json_str(pod, "metadata", "labels", "app.kubernetes.io/name", NULL);
    if (!part_of || !name)
        return NULL;
    lp_auto_free char *service = lp_sprintf("%s-%s", part_of, name);
    return key_of(lp_json_str(pod, "metadata", "namespace", NULL), service);
}

/* Only while the first sweep is not done, so its cost does not matter later. */
static void note_first_sweep(struct samples *s)
{
    if (s->first_sweep || !s->synced)
        return;
    for (unsigned i = 0; i < s->n_slots; i++)
        if (s->slots[i] && s->slots[i]->ready && s->slots[i]->result_ms == 0)
            return;
    s->first_sweep = true;
}

bool samples_pod(struct samples *s, const json_t *pod, bool gone, int64_t now_ms)
{
    lp_auto_free char *key = key_of(lp_json_str(pod, "metadata", "namespace", NULL),
                                    lp_json_str(pod, "metadata", "name", NULL));
    lp_auto_free char *service_key = service_key_of(pod);
    if (!key)
        return false;
    bool sooner = false;
    pthread_mutex_lock(&s->lock);
    struct pod *p = table_get(&s->pods, key);
    if (p && (gone || !service_key || strcmp(p->service->key, service_key) != 0)) {
        pod_remove(s, p);
        p = NULL;
    }
    if (!gone && service_key) {
        if (!p)
            p = pod_make(s, key, service_make(s, service_key));
        sooner = pod_update(s, p, pod, now_ms);
    }
    note_first_sweep(s);
    pthread_mutex_unlock(&s->lock);
    return sooner;
}

void samples_synced(struct samples *s)
{
    pthread_mutex_lock(&s->lock);
    s->synced = true;
    note_first_sweep(s);
    pthread_mutex_unlock(&s->lock);
}

/* ---- the scraper ---- */

unsigned samples_due(struct samples *s, int64_t now_ms, struct samples_target *ret_targets,
                     unsigned max, int64_t *ret_next_ms)
{
    unsigned n = 0;
    *ret_next_ms = INT64_MAX;
    pthread_mutex_lock(&s->lock);
    for (unsigned i = 0, at = s->cursor; i < s->n_slots; i++, at++) {
        struct pod *p = s->slots[at % s->n_slots];
        if (!p || !p->ready || p->out)
            continue;
        if (p->due_ms <= now_ms && n < max) {
            p->out = true;
            s->cursor = at % s->n_slots + 1;
            ret_targets[n].id = p->id;
            memcpy(ret_targets[n].ip, p->ip, sizeof p->ip);
            n++;
        } else if (p->due_ms < *ret_next_ms) {
            *ret_next_ms = p->due_ms;
        }
    }
    pthread_mutex_unlock(&s->lock);
    return n;
}

/* The pod's own moment of each interval, at least half an interval away; later after failures. */
static int64_t next_due(const struct samples *s, const struct pod *p, int64_t now_ms)
{
    if (p->failures > FREE_FAILURES) {
        unsigned doublings = p->failures - FREE_FAILURES;
        int64_t pause = s->interval_ms << (doublings < 8 ? doublings : 8);
        return now_ms + (pause < MAX_PAUSE_MS ? pause : MAX_PAUSE_MS);
    }
    int64_t earliest = now_ms + s->interval_ms / 2;
    int64_t phase = (int64_t)(hash_of(p->key) % (uint64_t)s->interval_ms);
    int64_t due = earliest - earliest % s->interval_ms + phase;
    return due < earliest ? due + s->interval_ms : due;
}

/* A backlog is one number that every pod of the service tells: the newest counts. */
static void take_backlogs(struct service *v, const struct promtext_page *page, int64_t now_ms)
{
    for (unsigned i = 0; i < page->n_queues; i++) {
        unsigned at = 0;
        while (at < v->n_backlogs && strcmp(v->backlogs[at].name, page->queues[i].name) != 0)
            at++;
        if (at == PROMTEXT_QUEUES) {
            at = 0;
            for (unsigned k = 1; k < PROMTEXT_QUEUES; k++)
                if (v->backlogs[k].at_ms < v->backlogs[at].at_ms)
                    at = k;
        } else if (at == v->n_backlogs) {
            v->n_backlogs++;
        }
        struct backlog *b = &v->backlogs[at];
        b->depth = page->queues[i].depth;
        b->at_ms = now_ms;
        memcpy(b->name, page->queues[i].name, sizeof b->name);
    }
}

/* A pod that does not answer in time has at least as much work as it is meant to have. */
static void take_timeout(struct pod *p, int64_t now_ms)
{
    int64_t known = p->at_ms != 0 ? p->value : 0;
    int64_t value = known > p->service->target ? known : p->service->target;
    if (p->at_ms == 0 && value == 0)
        return;
    p->value = value;
    p->at_ms = now_ms;
}

void samples_report(struct samples *s, uint64_t id, enum samples_result result,
                    const struct promtext_page *page, int64_t now_ms)
{
    pthread_mutex_lock(&s->lock);
    uint32_t slot = (uint32_t)id;
    struct pod *p = slot < s->n_slots ? s->slots[slot] : NULL;
    if (p && p->id == id) {
        p->out = false;
        p->result = result;
        p->result_ms = now_ms;
        p->failures = result == SAMPLES_OK ? 0 : p->failures + 1;
        if (result == SAMPLES_OK) {
            p->value = page->waiting + page->in_flight;
            p->at_ms = now_ms;
            take_backlogs(p->service, page, now_ms);
        } else if (result == SAMPLES_TIMEOUT) {
            take_timeout(p, now_ms);
        } else if (result == SAMPLES_REFUSED) {
            p->at_ms = 0;
        }
        p->due_ms = next_due(s, p, now_ms);
        note_first_sweep(s);
    }
    pthread_mutex_unlock(&s->lock);
}

/* ---- how recent it all is ---- */

int64_t samples_oldest_age(struct samples *s, int64_t now_ms, unsigned *ret_pods)
{
    int64_t oldest = 0;
    *ret_pods = 0;
    pthread_mutex_lock(&s->lock);
    for (unsigned i = 0; i < s->n_slots; i++) {
        const struct pod *p = s->slots[i];
        if (!p || !p->ready)
            continue;
        int64_t since = p->result_ms != 0 ? p->result_ms : p->ready_since_ms;
        oldest = now_ms - since > oldest ? now_ms - since : oldest;
        (*ret_pods)++;
    }
    pthread_mutex_unlock(&s->lock);
    return oldest;
}

bool samples_swept(struct samples *s, int64_t now_ms, char why[128])
{
    unsigned pods;
    int64_t age = samples_oldest_age(s, now_ms, &pods);
    pthread_mutex_lock(&s->lock);
    bool synced = s->synced, first = s->first_sweep;
    pthread_mutex_unlock(&s->lock);
    if (first && age <= SAMPLES_SWEEP_AGE_MS)
        return true;
    if (!synced)
        snprintf(why, 128, "pods and Deployments are not read from the API server yet");
    else if (!first)
        snprintf(why, 128, "the first sweep over %u pods is not done yet", pods);
    else
        snprintf(why, 128, "the last sweep over %u pods was %lld ms ago", pods, (long long)age);
    return false;
}
