/*
 * What the samples say: read under the lock of the table.
 *
 * A pod counts when it is Ready, past its warm-up, and of the newest ReplicaSet of its Deployment
 * that has such pods. Whether enough is known, and what is said of single pods, goes by those. In a
 * rollout, pods of an older ReplicaSet go on working until they terminate: the sums of a service
 * hold what they work on too, for else half a rollout would look like half the load.
 *
 * A Ready pod that stops telling (its metrics port refuses, or answers nonsense) still works, as
 * far as anybody knows: its last value counts for 30 s, and after that the sums hold the mean of
 * the pods that report in its place, for else they would fall without a reason. Three things bound
 * that, so that a broken port cannot make a service grow without end. Only a pod that was scraped
 * once in this life has a place: pods that a scale-up adds and that never report add nothing. Known
 * pods are at least half of those that count, so a sum at most doubles. And where the silent pod
 * does in fact no work, the others share it: with n pods, k of them silent, and work for w, the sum
 * is for w * n / (n - k) pods, which comes to rest at n = w + k.
 *
 * Threads: any.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autoscaler/samples/samples_parts.h"
#include "base/alloc.h"

/* A question on its way through the table. */
struct evaluation {
    const struct samples *s;
    const struct samples_question *q;
    struct samples_values *values;
};

/* What stands behind one value. `ready` and `warming` of all `pods`; `known` of `counted`;
 * `unknown`: one of the others, for the message. `silent`: scraped once, and too long ago;
 * `reporting`: those whose own values are in the sums, `reported_queue` what they are of `queue`.
 */
struct tally {
    unsigned pods, ready, warming, counted, known, saturated, silent, reporting;
    int64_t queue, reported_queue, oldest_ms;
    struct load_sum load;
    const struct pod *unknown;
};

/* ---- one pod ---- */

static bool is_warm(const struct evaluation *e, const struct pod *p)
{
    return p->ready && e->q->now_ms - p->ready_since_ms >= e->s->warm_up_ms;
}

static bool is_known(const struct evaluation *e, const struct pod *p)
{
    return p->at_ms != 0 && e->q->now_ms - p->at_ms <= SAMPLES_MAX_AGE_MS &&
           (e->q->metric == SAMPLES_QUEUE_DEPTH || p->load.rated);
}

static bool is_saturated(const struct evaluation *e, const struct pod *p)
{
    return p->result_ms != 0 && p->result == SAMPLES_TIMEOUT &&
           e->q->now_ms - p->result_ms <= SAMPLES_MAX_AGE_MS;
}

/* A pod that does not answer in time has at least as much work as it is meant to have, and as it
 * can do at once. */
static int64_t queue_of(const struct evaluation *e, const struct pod *p)
{
    int64_t value = p->at_ms != 0 ? p->value : 0;
    int64_t slots = (int64_t)((double)p->load.slots * 1000);
    if (!is_saturated(e, p))
        return value;
    value = value > p->service->target ? value : p->service->target;
    return value > slots ? value : slots;
}

static bool has_value(const struct evaluation *e, const struct pod *p)
{
    return is_known(e, p) || (is_saturated(e, p) && queue_of(e, p) > 0);
}

/* It was scraped once in this life; it is Ready, and its last value is too old. */
static bool is_silent(const struct evaluation *e, const struct pod *p)
{
    return !has_value(e, p) && p->at_ms != 0 && e->q->now_ms - p->at_ms > SAMPLES_MAX_AGE_MS &&
           (e->q->metric == SAMPLES_QUEUE_DEPTH || p->load.rated);
}

/* When we learned what is said of it. */
static int64_t time_of(const struct evaluation *e, const struct pod *p)
{
    return is_known(e, p) ? p->at_ms : p->result_ms;
}

static void add_value(const struct evaluation *e, struct tally *t, const struct pod *p)
{
    int64_t at_ms = time_of(e, p);
    bool saturated = is_saturated(e, p);
    t->queue += queue_of(e, p);
    t->saturated += saturated;
    t->reporting += !saturated;
    t->reported_queue += saturated ? 0 : queue_of(e, p);
    load_add(&t->load, &p->load, saturated);
    t->oldest_ms = at_ms < t->oldest_ms ? at_ms : t->oldest_ms;
}

/* `current`: the newest revision of its service. */
static void count_pod(const struct evaluation *e, struct tally *t, const struct pod *p,
                      uint32_t current)
{
    t->pods++;
    t->ready += p->ready;
    t->warming += p->ready && !is_warm(e, p);
    if (!is_warm(e, p) || p->revision == 0)
        return;
    if (p->revision == current) {
        bool known = is_known(e, p);
        t->counted++;
        t->known += known;
        t->unknown = known ? t->unknown : p;
    }
    t->silent += is_silent(e, p);
    if (has_value(e, p))
        add_value(e, t, p);
}

/* The mean of those that report, for each that does not any more. */
static void fill_in(struct tally *t)
{
    if (t->silent == 0 || t->reporting == 0)
        return;
    t->queue += t->reported_queue / t->reporting * t->silent;
    load_stretch(&t->load, (double)t->silent / t->reporting);
}

static uint32_t current_revision(const struct evaluation *e, const struct service *v)
{
    uint32_t newest = 0;
    for (const struct pod *p = v->pods; p; p = p->sibling)
        if (p->revision > newest && is_warm(e, p))
            newest = p->revision;
    return newest;
}

/* ---- what is said instead of a value ---- */

static const char *result_text(const struct evaluation *e, const struct pod *p)
{
    static const char *const texts[] = { "was scraped", "timed out", "refused the connection",
                                         "gave no usable metrics page" };
    if (p->result_ms == 0)
        return "was not asked yet, Ready";
    if (p->result == SAMPLES_OK && e->q->metric != SAMPLES_QUEUE_DEPTH)
        return "has no rates yet, scraped";
    return texts[p->result];
}

static int too_few_known(const struct evaluation *e, const struct tally *t, const char *of,
                         struct lp_error *err)
{
    const struct pod *p = t->unknown;
    int64_t since = p->result_ms != 0 ? p->result_ms : p->ready_since_ms;
    int r = lp_error_set(err, LP_E_UNAVAILABLE, "%u of %u %s pods scraped; %s %s %.1f s ago",
                         t->known, t->counted, of, p->name, result_text(e, p),
                         (double)(e->q->now_ms - since) / 1000.0);
    size_t n = strlen(err->msg);
    if (is_silent(e, p))
        snprintf(err->msg + n, sizeof err->msg - n, ", its last value is %.1f s old",
                 (double)(e->q->now_ms - p->at_ms) / 1000.0);
    return r;
}

/* LP_E_UNAVAILABLE where none of the pods counts, or too few of those that do are known. */
static int check(const struct evaluation *e, const struct tally *t, const char *of,
                 struct lp_error *err)
{
    if (t->ready == 0)
        return lp_error_set(err, LP_E_UNAVAILABLE, "no pod of %s is Ready (%u exist)", of, t->pods);
    if (t->counted == 0 && t->warming > 0)
        return lp_error_set(err, LP_E_UNAVAILABLE,
                            "no pod of %s has been Ready for %.1f s yet (%u are Ready)", of,
                            (double)e->s->warm_up_ms / 1000.0, t->ready);
    if (t->counted == 0)
        return lp_error_set(err, LP_E_UNAVAILABLE,
                            "none of the %u Ready pods of %s is owned by a ReplicaSet of its "
                            "LearningPlatform's Deployment",
                            t->ready, of);
    return t->known * 2 < t->counted ? too_few_known(e, t, of, err) : 0;
}

/* ---- one service ---- */

/* Without answers in the window: zero where nobody asked, else nobody knows. */
static int latency_value(const struct evaluation *e, const struct service *v, const struct tally *t,
                         double share, int64_t *ret_milli, struct lp_error *err)
{
    double ms = 0;
    if (!latency_quantile(&v->latency, share, e->q->now_ms, &ms) &&
        (t->queue > 0 || t->saturated > 0))
        return lp_error_set(err, LP_E_UNAVAILABLE,
                            "no request of %s was answered in the last %d s, and there are some",
                            v->name, LATENCY_WINDOW_S);
    *ret_milli = (int64_t)(ms * 1000);
    return 0;
}

static int64_t with_backlogs(const struct evaluation *e, const struct service *v, int64_t queue)
{
    for (unsigned i = 0; i < v->n_backlogs; i++)
        if (e->q->now_ms - v->backlogs[i].at_ms <= SAMPLES_MAX_AGE_MS)
            queue += v->backlogs[i].depth;
    return queue;
}

static int error_value(const struct service *v, const struct tally *t, int64_t *ret_milli,
                       struct lp_error *err)
{
    if (t->load.uncoded)
        return lp_error_set(err, LP_E_UNAVAILABLE,
                            "pods of %s count requests without the code of their answer: "
                            "lp_requests_total has no label code",
                            v->name);
    *ret_milli = load_number(t->load.failed * 1000);
    return 0;
}

/* Of the pods of others: nothing of its own pods is needed for it. */
static int circuits_value(const struct evaluation *e, const struct service *v, struct tally *t,
                          int64_t *ret_milli, struct lp_error *err)
{
    int64_t open = samples_circuits(e->s, v, e->q->now_ms, &t->oldest_ms);
    if (open < 0)
        return lp_error_set(err, LP_E_UNAVAILABLE,
                            "no gateway has told of its circuit breaker for %s in the last %d s",
                            v->name, SAMPLES_MAX_AGE_MS / 1000);
    *ret_milli = open;
    return 0;
}

/* Of a service whose pods are known. */
static int known_value(const struct evaluation *e, const struct service *v, const struct tally *t,
                       int64_t *ret_milli, struct lp_error *err)
{
    switch (e->q->metric) {
    case SAMPLES_ARRIVAL_RATE:
        *ret_milli = load_number(t->load.arrivals * 1000);
        return 0;
    case SAMPLES_DEMAND:
        *ret_milli = load_number(load_demand(&t->load) * 1000);
        return 0;
    case SAMPLES_SERVICE_TIME:
        *ret_milli = load_number(load_service_s(&t->load) * 1e6);
        return 0;
    case SAMPLES_ERROR_RATE:
        return error_value(v, t, ret_milli, err);
    case SAMPLES_P50_LATENCY:
        return latency_value(e, v, t, 0.50, ret_milli, err);
    case SAMPLES_P95_LATENCY:
        return latency_value(e, v, t, 0.95, ret_milli, err);
    case SAMPLES_P99_LATENCY:
        return latency_value(e, v, t, 0.99, ret_milli, err);
    default:
        *ret_milli = with_backlogs(e, v, t->queue);
        return 0;
    }
}

static int service_value(const struct evaluation *e, const struct service *v, struct tally *t,
                         int64_t *ret_milli, struct lp_error *err)
{
    if (!v->swept)
        return lp_error_set(err, LP_E_UNAVAILABLE,
                            "the first sweep over the pods of %s is not done yet: try again in a "
                            "second",
                            v->name);
    uint32_t current = current_revision(e, v);
    *t = (struct tally){ .oldest_ms = e->q->now_ms };
    *ret_milli = 0;
    if (e->q->metric == SAMPLES_CIRCUITS_OPEN)
        return circuits_value(e, v, t, ret_milli, err);
    for (const struct pod *p = v->pods; p; p = p->sibling)
        count_pod(e, t, p, current);
    int64_t waits = t->ready == 0 && v->deployed && e->q->metric == SAMPLES_QUEUE_DEPTH
                        ? samples_awaited(e->s, v, e->q->now_ms, &t->oldest_ms)
                        : 0;
    if (t->ready == 0 && v->deployed && (v->replicas == 0 || waits > 0)) {
        *ret_milli = waits;
        return 0;
    }
    int r = check(e, t, v->name, err);
    if (r < 0)
        return r;
    fill_in(t);
    return known_value(e, v, t, ret_milli, err);
}

static void add_item(const struct evaluation *e, const char *name, int64_t at_ms, int64_t milli)
{
    struct samples_values *v = e->values;
    if (v->n == v->cap) {
        v->cap = v->cap ? 2 * v->cap : 16;
        v->items = lp_realloc(v->items, v->cap * sizeof *v->items);
    }
    v->items[v->n++] = (struct samples_value){ .name = v->names.len,
                                               .wall_ms = e->q->wall_ms - (e->q->now_ms - at_ms),
                                               .milli = milli };
    lp_buf_add(&v->names, name, strlen(name) + 1);
}

static int add_service(const struct evaluation *e, const struct service *v, struct lp_error *err)
{
    struct tally t;
    int64_t milli;
    int r = service_value(e, v, &t, &milli, err);
    if (r == 0)
        add_item(e, v->name, t.oldest_ms, milli);
    return r;
}

const struct service *samples_find(const struct samples *s, const char *ns, const char *name)
{
    lp_auto_free char *key = lp_sprintf("%s/%s", ns, name);
    const struct service *v = table_get(&s->services, key);
    return v && (v->deployed || v->pods) ? v : NULL;
}

static int read_service(const struct evaluation *e, struct lp_error *err)
{
    const struct service *v = samples_find(e->s, e->q->ns, e->q->name);
    if (!v)
        return lp_error_set(err, LP_E_NOT_FOUND,
                            "%s/%s is no service of a LearningPlatform: it has neither a "
                            "Deployment nor pods",
                            e->q->ns, e->q->name);
    return add_service(e, v, err);
}

/* ---- everything in a namespace ---- */

/* What has no value is left out; where nothing is left, the last reason is the answer. */
static int read_services(const struct evaluation *e, struct lp_error *err)
{
    const struct table *all = &e->s->services;
    lp_auto_free char *prefix = lp_sprintf("%s/", e->q->ns);
    int r = 0;
    for (unsigned i = table_find(all, prefix); i < all->n && table_begins(all->items[i], prefix);
         i++) {
        const struct service *v = (const struct service *)all->items[i];
        if (v->deployed && lp_selector_matches(e->q->selector, v->labels))
            r = add_service(e, v, err);
    }
    if (e->values->n > 0)
        return 0;
    return r < 0
               ? r
               : lp_error_set(err, LP_E_NOT_FOUND,
                              "no service of a LearningPlatform in namespace %s matches", e->q->ns);
}

static void add_pod(const struct evaluation *e, const struct pod *p)
{
    add_item(e, p->name, time_of(e, p), queue_of(e, p));
}

static int read_pods(const struct evaluation *e, struct lp_error *err)
{
    const struct table *all = &e->s->pods;
    lp_auto_free char *prefix = lp_sprintf("%s/", e->q->ns);
    struct tally t = { .oldest_ms = e->q->now_ms };
    const struct service *last = NULL;
    const struct lp_labels *labels = NULL;
    uint32_t current = 0;
    bool matches = false;
    for (unsigned i = table_find(all, prefix); i < all->n && table_begins(all->items[i], prefix);
         i++) {
        const struct pod *p = (const struct pod *)all->items[i];
        if (p->labels != labels)
            matches = lp_selector_matches(e->q->selector, p->labels);
        labels = p->labels;
        if (!matches)
            continue;
        if (p->service != last)
            current = current_revision(e, p->service);
        last = p->service;
        count_pod(e, &t, p, current);
        if (is_warm(e, p) && p->revision == current && current > 0 && has_value(e, p))
            add_pod(e, p);
    }
    if (t.ready == 0)
        return lp_error_set(err, LP_E_NOT_FOUND,
                            "no Ready pod of a LearningPlatform in namespace %s matches (%u that "
                            "are not Ready do)",
                            e->q->ns, t.pods);
    return check(e, &t, "selected", err);
}

static int read_pod(const struct evaluation *e, struct lp_error *err)
{
    lp_auto_free char *key = lp_sprintf("%s/%s", e->q->ns, e->q->name);
    const struct pod *p = table_get(&e->s->pods, key);
    struct tally t = { .oldest_ms = e->q->now_ms };
    if (!p)
        return lp_error_set(err, LP_E_NOT_FOUND, "%s/%s is no pod of a LearningPlatform's service",
                            e->q->ns, e->q->name);
    count_pod(e, &t, p, p->revision);
    if (t.ready == 0)
        return lp_error_set(err, LP_E_UNAVAILABLE, "pod %s is not Ready", p->name);
    int r = has_value(e, p) && t.counted > 0 ? 0 : check(e, &t, p->service->name, err);
    if (r == 0)
        add_pod(e, p);
    return r;
}

/* ---- the whole ---- */

void samples_values_done(struct samples_values *values)
{
    free(values->items);
    lp_buf_done(&values->names);
}

static int read_values(const struct evaluation *e, struct lp_error *err)
{
    if (!e->s->synced)
        return lp_error_set(err, LP_E_UNAVAILABLE,
                            "pods and Deployments are not read from the API server yet: try again "
                            "in a second");
    if (e->q->pods)
        return e->q->name ? read_pod(e, err) : read_pods(e, err);
    return e->q->name ? read_service(e, err) : read_services(e, err);
}

int samples_read(struct samples *s, const struct samples_question *q,
                 struct samples_values *ret_values, struct lp_error *err)
{
    const struct evaluation e = { s, q, ret_values };
    pthread_mutex_lock(&s->lock);
    int r = read_values(&e, err);
    pthread_mutex_unlock(&s->lock);
    if (r == 0 && ret_values->names.overflowed)
        r = lp_error_set(err, LP_E_TOO_LARGE, "the names of what matches have over %zu bytes",
                         ret_values->names.max);
    return r;
}

bool samples_value(const struct samples *s, const struct service *v, enum samples_metric metric,
                   int64_t now_ms, struct samples_sum *ret_sum, int64_t *ret_milli)
{
    const struct samples_question q = { .metric = metric, .now_ms = now_ms };
    const struct evaluation e = { s, &q, NULL };
    struct tally t = { .pods = 0 };
    struct lp_error ignored;

    bool known = service_value(&e, v, &t, ret_milli, &ignored) == 0;
    *ret_sum = (struct samples_sum){ t.ready, t.load };
    return known;
}

/* ---- losses ---- */

/* True where this is a transition; `*ret` is filled then. */
static bool note_transition(const struct evaluation *e, struct service *v, struct samples_loss *ret)
{
    struct tally t;
    int64_t milli;
    struct lp_error err = { .msg = "its metrics are answered again" };
    bool lost = service_value(e, v, &t, &milli, &err) < 0;
    bool transition = v->answered && lost != v->lost;
    v->answered |= !lost;
    if (!transition)
        return false;
    v->lost = lost;
    ret->lost = lost;
    snprintf(ret->ns, sizeof ret->ns, "%.*s", (int)(v->name - v->key - 1), v->key);
    snprintf(ret->name, sizeof ret->name, "%s", v->name);
    snprintf(ret->uid, sizeof ret->uid, "%s", v->uid);
    snprintf(ret->note, sizeof ret->note, "%s", err.msg);
    return true;
}

unsigned samples_losses(struct samples *s, int64_t now_ms, struct samples_loss *ret_losses,
                        unsigned max)
{
    const struct samples_question q = { .metric = SAMPLES_QUEUE_DEPTH, .now_ms = now_ms };
    const struct evaluation e = { s, &q, NULL };
    unsigned n = 0;
    pthread_mutex_lock(&s->lock);
    for (unsigned i = 0; s->synced && i < s->services.n && n < max; i++) {
        struct service *v = (struct service *)s->services.items[i];
        if (v->deployed)
            n += note_transition(&e, v, &ret_losses[n]);
    }
    pthread_mutex_unlock(&s->lock);
    return n;
}
