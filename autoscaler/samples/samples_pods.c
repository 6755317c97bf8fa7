/*
 * The pods: what their informer says of each.
 *
 * Threads: every public function takes the one lock.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autoscaler/samples/samples_parts.h"
#include "base/hash.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "json/json.h"
#include "kube/conditions.h"
#include "kube/owner.h"

void samples_pod_free(struct pod *p)
{
    lp_labels_unref(p->labels);
    free(p->awaited);
    free(p->circuits);
    free(p->sketch);
    free(p->key);
    free(p);
}

/* A new life: nothing known from the one before. */
static void pod_renew(struct samples *s, struct pod *p)
{
    p->id = (uint64_t)++s->generation << 32 | (uint32_t)p->id;
    p->at_ms = p->result_ms = 0;
    p->load = (struct load){ 0 };
    p->failures = 0;
    samples_pod_in(p);
}

static void pod_take_slot(struct samples *s, struct pod *p)
{
    unsigned i = 0;
    while (i < s->n_slots && s->slots[i])
        i++;
    if (i == s->n_slots) {
        s->slots = lp_realloc(s->slots, (s->n_slots + 64) * sizeof(void *));
        s->due = lp_realloc(s->due, (s->n_slots + 64) * sizeof(void *));
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
    samples_pod_in(p);
    s->slots[(uint32_t)p->id] = NULL;
    table_remove(&s->pods, p->key);
    samples_pod_free(p);
    samples_service_drop(s, v);
}

static bool is_running(const json_t *pod)
{
    const char *phase = lp_json_str(pod, "status", "phase", NULL);
    return phase && strcmp(phase, "Running") == 0 &&
           !lp_json_at(pod, "metadata", "deletionTimestamp", NULL);
}

/* The condition Ready where it is true and the pod is to stay, else NULL. */
static const json_t *readiness(const json_t *pod)
{
    if (!is_running(pod))
        return NULL;
    const json_t *status = json_object_get(pod, "status");
    return lp_kube_condition_is(status, "Ready", "True") ? lp_kube_condition(status, "Ready")
                                                         : NULL;
}

static bool is_address(const char *ip)
{
    unsigned char bytes[16];
    return ip && (inet_pton(AF_INET, ip, bytes) == 1 || inet_pton(AF_INET6, ip, bytes) == 1);
}

static void pod_set_labels(struct pod *p, const json_t *object)
{
    struct lp_labels *l = lp_labels_new(object);
    lp_labels_unref(p->labels);
    p->labels = NULL;
    for (struct pod *other = p->service->pods; other; other = other->sibling)
        if (other->labels && lp_labels_equal(other->labels, l)) {
            lp_labels_unref(l);
            l = lp_labels_ref(other->labels);
            break;
        }
    p->labels = l;
}

/* On our clock; a pod without a time has been Ready for long. */
static int64_t ready_since(const json_t *condition, int64_t now_ms, int64_t wall_ms)
{
    const char *text = lp_json_str(condition, "lastTransitionTime", NULL);
    int64_t since = text ? lp_clock_parse(text) : 0;
    if (since < 0)
        since = 0;
    return since < wall_ms ? now_ms - (wall_ms - since) : now_ms;
}

static bool has_page(const json_t *pod)
{
    const json_t *container;
    size_t i;

    json_array_foreach(lp_json_at(pod, "spec", "containers", NULL), i, container)
    {
        if (lp_json_find(json_object_get(container, "ports"), "name", "metrics"))
            return true;
    }
    return false;
}

static void pod_update(struct samples *s, struct pod *p, const json_t *object, int64_t now_ms,
                       int64_t wall_ms)
{
    const char *ip = lp_json_str(object, "status", "podIP", NULL);
    uint64_t uid_hash = lp_hash(lp_json_str(object, "metadata", "uid", NULL));
    const json_t *ready = is_address(ip) ? readiness(object) : NULL;
    if (!ready) /* a Ready one takes it below, where that is a new life */
        snprintf(p->ip, sizeof p->ip, "%s", is_address(ip) && is_running(object) ? ip : "");
    p->owner_hash = lp_hash(lp_json_str(lp_kube_controller(object, "ReplicaSet"), "uid", NULL));
    p->has_page = has_page(object);
    pod_set_labels(p, object);
    if (p->ready == (ready != NULL) && uid_hash == p->uid_hash &&
        (!ready || strcmp(ip, p->ip) == 0))
        return;
    if (uid_hash != p->uid_hash) {
        p->was_ready = false;
        p->start = 0;
    }
    p->ready = ready != NULL;
    p->uid_hash = uid_hash;
    p->revision = 0; /* until samples_pod_own */
    pod_renew(s, p);
    if (!ready)
        return;
    memcpy(p->ip, ip, strlen(ip) + 1);
    p->ready_since_ms = ready_since(ready, now_ms, wall_ms);
    p->start = p->was_ready ? p->start : samples_start_of(object, ready);
    p->was_ready = true;
}

/* namespace/<part-of>-<name>, the caller's; NULL for a pod that is none of ours. */
static char *service_key_of(const json_t *pod)
{
    const char *part_of = lp_json_str(pod, "metadata", "labels", "app.kubernetes.io/part-of", NULL);
    const char *name = lp_json_str(pod, "metadata", "labels", "app.kubernetes.io/name", NULL);
    if (!part_of || !name)
        return NULL;
    lp_auto_free char *service = lp_sprintf("%s-%s", part_of, name);
    return samples_key(lp_json_str(pod, "metadata", "namespace", NULL), service);
}

bool samples_pod(struct samples *s, const json_t *pod, bool gone, int64_t now_ms, int64_t wall_ms)
{
    lp_auto_free char *key = samples_key(lp_json_str(pod, "metadata", "namespace", NULL),
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
            p = pod_make(s, key, samples_service_make(s, service_key));
        pod_update(s, p, pod, now_ms, wall_ms);
        sooner = samples_pod_own(p, now_ms);
        samples_note_sweep(s, p->service);
    }
    pthread_mutex_unlock(&s->lock);
    return sooner;
}
