/*
 * What the samples say, as a MetricValueList: written under the lock of the table, straight into
 * the body. Threads: any.
 */
#include <string.h>

#include "autoscaler/answer.h"
#include "autoscaler/samples_table.h"
#include "base/alloc.h"

/* What stands behind one value. `unknown`: one of the pods without a value, for the message. */
struct tally {
    unsigned pods, ready, known;
    int64_t sum, oldest_ms;
    const struct pod *unknown;
};

static bool has_value(const struct pod *p, int64_t now_ms)
{
    return p->ready && p->at_ms != 0 && now_ms - p->at_ms <= SAMPLES_MAX_AGE_MS;
}

static void count_pod(struct tally *t, const struct pod *p, int64_t now_ms)
{
    t->pods++;
    if (!p->ready)
        return;
    t->ready++;
    if (!has_value(p, now_ms)) {
        t->unknown = p;
        return;
    }
    t->known++;
    t->sum += p->value;
    t->oldest_ms = p->at_ms < t->oldest_ms ? p->at_ms : t->oldest_ms;
}

static const char *result_text(const struct pod *p)
{
    static const char *const texts[] = { "has a value too old", "timed out",
                                         "refused the connection", "gave no usable metrics page" };
    return p->result_ms == 0 ? "was not asked yet" : texts[p->result];
}

static int too_few_known(const struct tally *t, const char *of, int64_t now_ms,
                         struct lp_error *err)
{
    const struct pod *p = t->unknown;
    int64_t since = p->result_ms != 0 ? p->result_ms : p->ready_since_ms;
    return lp_error_set(err, LP_E_UNAVAILABLE,
                        "%u of %u pods of %s have a value; %s %s (%.1f s ago)", t->known, t->ready,
                        of, p->name, result_text(p), (double)(now_ms - since) / 1000.0);
}

/* ---- one service ---- */

static int service_value(const struct service *v, int64_t now_ms, struct tally *t,
                         struct lp_error *err)
{
    *t = (struct tally){ .oldest_ms = now_ms };
    for (const struct pod *p = v->pods; p; p = p->sibling)
        count_pod(t, p, now_ms);
    if (t->ready == 0 && v->deployed && v->replicas == 0)
        return 0;
    if (t->ready == 0)
        return lp_error_set(err, LP_E_UNAVAILABLE, "no pod of %s is Ready (%u exist)", v->name,
                            t->pods);
    if (t->known * 2 < t->ready)
        return too_few_known(t, v->name, now_ms, err);
    for (unsigned i = 0; i < v->n_backlogs; i++)
        if (now_ms - v->backlogs[i].at_ms <= SAMPLES_MAX_AGE_MS)
            t->sum += v->backlogs[i].depth;
    return 0;
}

static void add_service(struct answer *a, const struct service *v, const struct tally *t,
                        const struct samples_question *q)
{
    lp_auto_free char *ns = lp_strndup(v->key, (size_t)(v->name - v->key - 1));
    answer_item(a, "Service", ns, v->name, q->query->metric,
                q->wall_ms - (q->now_ms - t->oldest_ms), t->sum);
}

static int answer_service(struct samples *s, const struct samples_question *q, struct answer *a,
                          struct lp_error *err)
{
    struct tally t;
    lp_auto_free char *key = lp_sprintf("%s/%s", q->query->ns, q->query->name);
    const struct service *v = table_get(&s->services, key);
    if (!v || (!v->deployed && !v->pods))
        return lp_error_set(err, LP_E_NOT_FOUND,
                            "%s/%s is no service of a LearningPlatform: it has neither a "
                            "Deployment nor pods",
                            q->query->ns, q->query->name);
    int r = service_value(v, q->now_ms, &t, err);
    if (r == 0)
        add_service(a, v, &t, q);
    return r;
}

/* ---- everything in a namespace ---- */

static bool in_namespace(const struct keyed *item, const char *prefix)
{
    return strncmp(item->key, prefix, strlen(prefix)) == 0;
}

/* What has no value is left out; where nothing is left, the last reason is the answer. */
static int answer_services(struct samples *s, const struct samples_question *q, struct answer *a,
                           struct lp_error *err)
{
    lp_auto_free char *prefix = lp_sprintf("%s/", q->query->ns);
    int r = 0;
    for (unsigned i = table_find(&s->services, prefix);
         i < s->services.n && in_namespace(s->services.items[i], prefix); i++) {
        const struct service *v = (const struct service *)s->services.items[i];
        struct tally t;
        if (!v->deployed || !selector_matches(q->selector, v->labels))
            continue;
        r = service_value(v, q->now_ms, &t, err);
        if (r == 0)
            add_service(a, v, &t, q);
    }
    if (a->n > 0)
        return 0;
    return r < 0 ? r
                 : lp_error_set(err, LP_E_NOT_FOUND,
                                "no service of a LearningPlatform in namespace %s matches",
                                q->query->ns);
}

static void add_pod(struct answer *a, const struct pod *p, const struct samples_question *q)
{
    answer_item(a, "Pod", q->query->ns, p->name, q->query->metric,
                q->wall_ms - (q->now_ms - p->at_ms), p->value);
}

static int answer_pods(struct samples *s, const struct samples_question *q, struct answer *a,
                       struct lp_error *err)
{
    lp_auto_free char *prefix = lp_sprintf("%s/", q->query->ns);
    struct tally t = { .oldest_ms = q->now_ms };
    for (unsigned i = table_find(&s->pods, prefix);
         i < s->pods.n && in_namespace(s->pods.items[i], prefix); i++) {
        const struct pod *p = (const struct pod *)s->pods.items[i];
        if (!selector_matches(q->selector, p->labels))
            continue;
        count_pod(&t, p, q->now_ms);
        if (has_value(p, q->now_ms))
            add_pod(a, p, q);
    }
    if (t.ready == 0)
        return lp_error_set(err, LP_E_NOT_FOUND,
                            "no Ready pod of a LearningPlatform in namespace %s matches (%u that "
                            "are not Ready do)",
                            q->query->ns, t.pods);
    if (t.known * 2 < t.ready)
        return too_few_known(&t, "this selector", q->now_ms, err);
    return 0;
}

static int answer_pod(struct samples *s, const struct samples_question *q, struct answer *a,
                      struct lp_error *err)
{
    lp_auto_free char *key = lp_sprintf("%s/%s", q->query->ns, q->query->name);
    const struct pod *p = table_get(&s->pods, key);
    struct tally t = { .oldest_ms = q->now_ms };
    if (!p)
        return lp_error_set(err, LP_E_NOT_FOUND, "%s/%s is no pod of a LearningPlatform's service",
                            q->query->ns, q->query->name);
    count_pod(&t, p, q->now_ms);
    if (t.ready == 0)
        return lp_error_set(err, LP_E_UNAVAILABLE, "pod %s is not Ready", p->name);
    if (t.known == 0)
        return too_few_known(&t, p->service->name, q->now_ms, err);
    add_pod(a, p, q);
    return 0;
}

int samples_answer(struct samples *s, const struct samples_question *q, struct lp_buf *out,
                   struct lp_error *err)
{
    struct answer a;
    int r;
    bool all = strcmp(q->query->name, "*") == 0;
    bool pods = strcmp(q->query->resource, "pods") == 0;
    answer_begin(&a, q->query->version, out);
    pthread_mutex_lock(&s->lock);
    if (!s->first_sweep)
        r = lp_error_set(err, LP_E_UNAVAILABLE,
                         "the first sweep over the pods is not done yet: try again in a second");
    else if (pods)
        r = all ? answer_pods(s, q, &a, err) : answer_pod(s, q, &a, err);
    else
        r = all ? answer_services(s, q, &a, err) : answer_service(s, q, &a, err);
    pthread_mutex_unlock(&s->lock);
    if (r < 0) {
        lp_buf_reset(out);
        return r;
    }
    answer_end(&a);
    return out->overflowed
               ? lp_error_set(err, LP_E_TOO_LARGE, "the answer has over %zu bytes", out->max)
               : 0;
}
