/* cli/looks/rows.c -- see the header. */
#include "cli/looks/rows.h"

#include <inttypes.h>
#include <string.h>

#include "cli/trace.h"
#include "json/json.h"
#include "kube/quantity.h"

#define UNKNOWN (-1)

static const enum trace_column seen_columns[] = {
    TRACE_SEEN_REPLICAS, TRACE_SEEN_READY, TRACE_SEEN_COUNTED, TRACE_SEEN_MISSING,
    TRACE_SEEN_PENDING,  TRACE_SEEN_SPEC,  TRACE_SEEN_MIN,     TRACE_DECIDED,
};

/* Milli units by trace_column; UNKNOWN: an empty cell. */
struct row {
    int64_t values[TRACE_COLUMNS];
};

static enum trace_column column_of(const struct hpa_metric *m)
{
    if (m->source == HPA_CPU)
        return TRACE_CPU;
    if (m->source == HPA_MEMORY)
        return TRACE_MEMORY;
    return strcmp(m->name, HPA_DEMAND) == 0 ? TRACE_DEMAND : TRACE_QUEUE_DEPTH;
}

static void write_cell(int64_t milli, struct lp_buf *out)
{
    char text[LP_QUANTITY_TEXT] = "";

    if (milli >= 0)
        lp_quantity_format(milli, text);
    lp_buf_printf(out, ",%s", text);
}

static void write_row(struct looks *l, int64_t at_ms, const struct row *row, struct lp_buf *out)
{
    lp_buf_printf(out, "%" PRId64 ".%03d", at_ms / 1000, (int)(at_ms % 1000));
    for (unsigned i = 0; i < l->first.n_metrics; i++)
        write_cell(row->values[column_of(&l->first.metrics[i])], out);
    for (size_t i = 0; i < sizeof seen_columns / sizeof *seen_columns; i++)
        write_cell(row->values[seen_columns[i]], out);
    lp_buf_char(out, '\n');
    l->rows++;
}

static void write_header(const struct looks *l, struct lp_buf *out)
{
    lp_buf_printf(out, "# looks of the HPA %s, for kubectl lp simulate --as-recorded\ntime",
                  lp_json_str(l->hpa, "metadata", "name", NULL));
    for (unsigned i = 0; i < l->first.n_metrics; i++)
        lp_buf_printf(out, ",%s.%s", l->service, trace_columns[column_of(&l->first.metrics[i])]);
    for (size_t i = 0; i < sizeof seen_columns / sizeof *seen_columns; i++)
        lp_buf_printf(out, ",%s.%s", l->service, trace_columns[seen_columns[i]]);
    lp_buf_char(out, '\n');
}

int looks_begin(struct looks *looks, const char *service, int32_t least, int64_t period_ms,
                json_t *hpa, struct lp_buf *out, struct lp_error *err)
{
    struct looks_rules rules;

    int r = looks_rules_read(json_object_get(hpa, "spec"), &rules, err);
    if (r < 0)
        return r;
    *looks = (struct looks){ .service = service,
                             .least = least,
                             .period_ms = period_ms,
                             .now = rules,
                             .first = rules.rules,
                             .hpa = json_incref(hpa),
                             .step_ms = period_ms + 1,
                             .wanted = UNKNOWN };
    write_header(looks, out);
    return 0;
}

void looks_done(struct looks *looks)
{
    json_decref(looks->hpa);
    *looks = (struct looks){ 0 };
}

/* ---- what the status says ---- */

static int64_t amount_of(const json_t *current, const char *key)
{
    const char *text = lp_json_str(current, key, NULL);
    struct lp_error ignored;
    int64_t milli;

    return text && lp_quantity_parse(text, &milli, &ignored) == 0 ? milli : UNKNOWN;
}

/* The value of the i-th metric; NULL: it had none. */
static const json_t *current_of(const json_t *hpa, size_t i)
{
    static const char *const parts[] = { "containerResource", "resource", "object" };
    const json_t *status = json_array_get(lp_json_at(hpa, "status", "currentMetrics", NULL), i);
    const json_t *found = NULL;

    for (size_t k = 0; !found && k < sizeof parts / sizeof *parts; k++)
        found = lp_json_at(status, parts[k], "current", NULL);
    return found;
}

static int64_t clamp(__int128 n)
{
    return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

/* What `n` pods used together, so that the utilization comes out: the average is cut to whole milli
 * units, and may therefore be of a little less. */
static int64_t usage_of(const json_t *current, int64_t n, int64_t request)
{
    int64_t utilization = lp_json_int(UNKNOWN, current, "averageUtilization", NULL);
    int64_t average = amount_of(current, "averageValue");
    __int128 all = (__int128)request * n, least = ((__int128)utilization * all + 99) / 100;

    if (utilization < 0)
        return UNKNOWN;
    if (average >= 0 && all > 0 && (__int128)average * n * 100 / all == utilization)
        return clamp((__int128)average * n);
    return clamp(least);
}

/* Shares of ready pods are as equal as whole milli units can be, the first ones have the rest: so
 * much have all, where the first `counted` have `usage`. */
static int64_t for_all(int64_t usage, int64_t counted, int64_t ready)
{
    return usage < 0 ? usage : clamp((__int128)(usage / counted) * ready + usage % counted);
}

/* The average is of `replicas`, rounded up. */
static int64_t total_of(int64_t average, int64_t replicas, bool whole)
{
    int64_t most;

    if (average < 0 || replicas <= 0 || __builtin_mul_overflow(average, replicas, &most))
        return UNKNOWN;
    int64_t requests = most - most % 1000;
    return whole && most - requests < replicas ? requests : most;
}

static bool condition_is(const json_t *hpa, const char *type, const char *status)
{
    const json_t *c = lp_json_find(lp_json_at(hpa, "status", "conditions", NULL), "type", type);
    const char *is = lp_json_str(c, "status", NULL);

    return is && strcmp(is, status) == 0;
}

static bool was_rescaled(const json_t *before, const json_t *hpa)
{
    const char *was = lp_json_str(before, "status", "lastScaleTime", NULL);
    const char *is = lp_json_str(hpa, "status", "lastScaleTime", NULL);

    return is && (!was || strcmp(was, is) != 0);
}

static int64_t milli(int64_t n)
{
    return n < 0 || n > INT64_MAX / 1000 ? UNKNOWN : n * 1000;
}

static void set_metrics(const struct looks *l, const struct looks_pods *pods, struct row *row)
{
    int64_t replicas = lp_json_int(0, l->hpa, "status", "currentReplicas", NULL);

    for (unsigned i = 0; i < l->now.rules.n_metrics; i++) {
        const struct hpa_metric *m = &l->now.rules.metrics[i];
        enum trace_column column = column_of(m);
        const json_t *current = current_of(l->hpa, i);
        if (m->source == HPA_CPU)
            row->values[column] = for_all(usage_of(current, pods->counted, pods->request[HPA_CPU]),
                                          pods->counted, pods->ready);
        else if (m->source == HPA_MEMORY)
            row->values[column] = usage_of(current, pods->ready, pods->request[HPA_MEMORY]);
        else
            row->values[column] =
                total_of(amount_of(current, "averageValue"), replicas, column == TRACE_QUEUE_DEPTH);
    }
}

/* Where a resource had a value one pod counted at least, whatever we saw a little later. */
static struct looks_pods with_one(const struct looks *l, const struct looks_pods *pods)
{
    struct looks_pods seen = *pods;

    for (unsigned i = 0; i < l->now.rules.n_metrics; i++) {
        enum hpa_source source = l->now.rules.metrics[i].source;
        if (source == HPA_OBJECT || !current_of(l->hpa, i))
            continue;
        seen.counted += source == HPA_CPU && seen.counted == 0;
        seen.ready = seen.ready > seen.counted ? seen.ready : seen.counted;
        seen.ready += seen.ready == 0;
    }
    return seen;
}

/* `spec`: spec.replicas as the controller found it. */
static void write_look(struct looks *l, int64_t at_ms, int64_t spec, const struct looks_pods *pods,
                       struct lp_buf *out)
{
    int64_t min = lp_json_int(1, l->hpa, "spec", "minReplicas", NULL), decided = spec;
    struct looks_pods seen = with_one(l, pods);
    struct row row;

    for (unsigned i = 0; i < TRACE_COLUMNS; i++)
        row.values[i] = UNKNOWN;
    set_metrics(l, &seen, &row);
    if (condition_is(l->hpa, "AbleToScale", "False"))
        decided = UNKNOWN; /* it was not carried out */
    else if (!condition_is(l->hpa, "ScalingActive", "False"))
        decided = lp_json_int(UNKNOWN, l->hpa, "status", "desiredReplicas", NULL);
    row.values[TRACE_SEEN_REPLICAS] =
        milli(lp_json_int(0, l->hpa, "status", "currentReplicas", NULL));
    row.values[TRACE_SEEN_READY] = milli(seen.ready);
    row.values[TRACE_SEEN_COUNTED] = milli(seen.counted);
    row.values[TRACE_SEEN_MISSING] = milli(seen.missing);
    row.values[TRACE_SEEN_PENDING] = milli(seen.pending);
    row.values[TRACE_SEEN_SPEC] = l->wanted < 0 || spec != l->wanted ? milli(spec) : UNKNOWN;
    row.values[TRACE_SEEN_MIN] = min != l->least ? milli(min) : UNKNOWN;
    row.values[TRACE_DECIDED] = milli(decided);
    l->at_ms = at_ms > l->at_ms ? at_ms : l->at_ms + 1;
    l->wanted = decided;
    write_row(l, l->at_ms, &row, out);
}

/* ---- what comes ---- */

/* All of the spec but minReplicas, which is in the rows. */
static bool goes_by_other_rules(const json_t *before, const json_t *hpa)
{
    static const char *const keys[] = { "metrics", "behavior", "maxReplicas" };
    bool other = false;

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *was = lp_json_at(before, "spec", keys[i], NULL);
        const json_t *is = lp_json_at(hpa, "spec", keys[i], NULL);
        other = other || (was != is && !json_equal(was, is));
    }
    return other;
}

static void take_rules(struct looks *l, const json_t *hpa, struct lp_buf *out)
{
    struct looks_rules rules;
    struct lp_error err;

    if (!goes_by_other_rules(l->hpa, hpa))
        return;
    lp_buf_str(out, "# from here on the HPA has other metrics, behavior or maxReplicas\n");
    if (looks_rules_read(json_object_get(hpa, "spec"), &rules, &err) == 0)
        l->now = rules;
}

bool looks_is_look(const struct looks *looks, const json_t *hpa)
{
    const json_t *was = json_object_get(looks->hpa, "status");
    const json_t *is = json_object_get(hpa, "status");

    return is && json_object_size(is) > 0 && !json_equal(was, is);
}

/* See the header: one that comes a little early was told of late the last time. */
static int64_t time_of_look(const struct looks *l, int64_t at_ms)
{
    int64_t gap = at_ms - l->at_ms;

    return l->at_ms > 0 && gap > l->period_ms * 9 / 10 && gap <= l->period_ms
               ? l->at_ms + l->period_ms + 1
               : at_ms;
}

void looks_changed(struct looks *looks, json_t *hpa, const struct looks_moment *moment,
                   struct lp_buf *out)
{
    bool look = looks_is_look(looks, hpa), rescaled = was_rescaled(looks->hpa, hpa);
    int64_t at_ms = time_of_look(looks, moment->at_ms), gap = at_ms - looks->at_ms, desired;

    take_rules(looks, hpa, out);
    json_decref(looks->hpa);
    looks->hpa = json_incref(hpa);
    if (!look)
        return;
    looks->gone = false;
    looks->too_near = looks->too_near || (looks->at_ms > 0 && gap < looks->period_ms / 2);
    if (looks->at_ms > 0 && gap > looks->period_ms && gap <= looks->period_ms * 21 / 20)
        looks->step_ms = gap;
    desired = lp_json_int(UNKNOWN, hpa, "status", "desiredReplicas", NULL);
    write_look(looks, at_ms,
               rescaled && moment->spec == desired && moment->spec_before >= 0 ? moment->spec_before
                                                                               : moment->spec,
               &moment->pods, out);
}

void looks_gone(struct looks *looks)
{
    looks->gone = true;
}

int64_t looks_next_ms(const struct looks *looks)
{
    return looks->at_ms > 0 && !looks->gone ? looks->at_ms + looks->step_ms : INT64_MAX;
}

void looks_unchanged(struct looks *looks, const struct looks_moment *moment, struct lp_buf *out)
{
    write_look(looks, looks_next_ms(looks), moment->spec, &moment->pods, out);
}

void looks_end(struct looks *looks, int64_t at_ms, struct lp_buf *out)
{
    struct row row;

    for (unsigned i = 0; i < TRACE_COLUMNS; i++)
        row.values[i] = UNKNOWN;
    if (looks->rows > 0)
        write_row(looks, at_ms > looks->at_ms ? at_ms : looks->at_ms + 1, &row, out);
}
