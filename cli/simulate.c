/* cli/simulate.c -- see the header: goes from event to event (a row, a sync, a pod that becomes
 * ready) and counts what was between them. Pure but for the files that are read. */
#include "cli/simulate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "cli/file.h"
#include "json/json.h"

#define FLAP_MS 600000
#define DOWN_WINDOW_MS 300000 /* --horizontal-pod-autoscaler-downscale-stabilization */

void simulate_result_done(struct simulate_result *result)
{
    free(result->changes);
    free(result->series);
    free(result->waits);
    *result = (struct simulate_result){ 0 };
}

static void add_change(struct simulate_result *result, const struct simulate_change *change)
{
    const struct simulate_change *before =
        result->n_changes ? &result->changes[result->n_changes - 1] : NULL;
    bool up = change->to > change->from;

    if (before && up != (before->to > before->from) && change->at_ms - before->at_ms <= FLAP_MS)
        result->flaps++;
    *(up ? &result->ups : &result->downs) += 1;
    if (!result->changes || result->n_changes == result->room) {
        result->room = result->room ? 2 * result->room : 16;
        result->changes = lp_realloc(result->changes, result->room * sizeof *result->changes);
    }
    result->changes[result->n_changes++] = *change;
}

/* Whether the run that was recorded decided so too. */
static void compare(const struct simulate_service *s, const struct trace_row *row, int32_t replicas,
                    struct simulate_beside *b)
{
    int64_t decided = row->values[TRACE_DECIDED];

    if (!s->pod.as_recorded || decided < 0)
        return;
    b->looks++;
    if (decided == replicas * INT64_C(1000))
        return;
    if (b->differ < SIMULATE_DIFFERENCES)
        b->differences[b->differ] =
            (struct simulate_difference){ row->at_ms, (int32_t)(decided / 1000), replicas };
    b->differ++;
    b->early += row->at_ms - s->trace.rows[0].at_ms < b->early_ms;
}

/* What others had changed before the look that the row is of. */
static void take_recorded(struct simulate_service *s, struct cluster *c,
                          const struct trace_row *row, struct simulate_result *result)
{
    int64_t min = row->values[TRACE_SEEN_MIN];
    struct simulate_change change = {
        .at_ms = c->now_ms, .from = (int32_t)c->n, .winner = -1, .value = -1, .by_others = true
    };

    cluster_take_spec(c, row);
    change.to = (int32_t)c->n;
    if (change.to != change.from)
        add_change(result, &change);
    s->rules.min = min >= 0 ? (int32_t)(min / 1000) : s->planned_min;
}

static void sync_once(const struct simulate_service *s, struct cluster *c,
                      const struct trace_row *row, struct hpa_state *state,
                      struct simulate_result *result)
{
    struct hpa_observed seen = cluster_observe(c, row);
    const struct hpa_condition *limited = &state->conditions[HPA_SCALING_LIMITED];
    struct hpa_decision d;

    hpa_decide(&s->rules, &seen, state, &d);
    compare(s, row, d.replicas, &result->beside);
    result->syncs++;
    result->frozen += !state->conditions[HPA_SCALING_ACTIVE].status;
    if (d.replicas == seen.spec_replicas)
        return;
    struct simulate_change change = { .at_ms = c->now_ms,
                                      .from = seen.spec_replicas,
                                      .to = d.replicas,
                                      .proposal = d.proposal,
                                      .winner = d.winner,
                                      .value = d.winner < 0 ? -1 : d.values[d.winner],
                                      .limited = limited->status ? limited->reason : NULL };
    add_change(result, &change);
    cluster_scale(c, (size_t)d.replicas);
}

/* What a burst or the fallback does between two syncs. */
static void look(struct simulate_service *s, struct cluster *c, const struct trace_row *row,
                 struct simulate_result *result)
{
    int32_t to = simulate_lift_look(&s->lift, c, row, s->planned_min, &s->rules);
    struct simulate_change change = { .at_ms = c->now_ms,
                                      .from = (int32_t)c->n,
                                      .to = to,
                                      .winner = -1,
                                      .value = -1,
                                      .at_once = true };

    if (to <= change.from)
        return;
    add_change(result, &change);
    cluster_scale(c, (size_t)to);
}

/* The wait of those that come now goes into the series; returned as cluster_wait has it. */
static int64_t keep(const struct cluster *c, const struct trace_row *row,
                    struct simulate_result *result)
{
    int64_t wait_ms = cluster_wait(c, row);
    struct series_point point = { .at_ms = c->now_ms,
                                  .pods = (int32_t)c->n,
                                  .ready = (int32_t)c->ready,
                                  .wait_ms = wait_ms < WAIT_MOST_MS ? wait_ms : WAIT_MOST_MS,
                                  .queue = cluster_queue(c, row),
                                  .rate = row->values[TRACE_ARRIVAL_RATE] };

    series_add(result->series, &point);
    return wait_ms;
}

/* Who was turned away waits without end. */
static void pass(struct cluster *c, const struct trace_row *row, int64_t until_ms,
                 struct simulate_result *result)
{
    int64_t from_ms = c->now_ms, turned_away = c->turned_away, wait_ms = keep(c, row, result);
    int64_t rate = row->values[TRACE_ARRIVAL_RATE];

    cluster_advance(c, row, until_ms);
    turned_away = c->turned_away - turned_away;
    if (rate > 0)
        waits_add(result->waits, from_ms, wait_ms, rate * (until_ms - from_ms) - turned_away);
    if (turned_away > 0)
        waits_add(result->waits, from_ms, INT64_MAX, turned_away);
}

static void account_beside(const struct simulate_service *s, const struct cluster *c,
                           const struct trace_row *row, int64_t ms, struct simulate_beside *b)
{
    int64_t more = (int64_t)c->n - row->values[TRACE_SEEN_REPLICAS] / 1000;

    if (s->pod.as_recorded || row->values[TRACE_SEEN_REPLICAS] < 0)
        return;
    b->seen_ms += ms;
    b->near_ms += more >= -1 && more <= 1 ? ms : 0;
}

/* Counts the `ms` from now on, in which nothing but the backlog changes. */
static void account(const struct simulate_service *s, const struct cluster *c,
                    const struct trace_row *row, int64_t ms, struct simulate_result *result)
{
    int64_t queue = cluster_queue(c, row), target = s->queue_target, allowed;

    if (__builtin_mul_overflow(target, (int64_t)c->ready, &allowed))
        allowed = INT64_MAX;
    account_beside(s, c, row, ms, &result->beside);
    result->length_ms += ms;
    result->pod_ms += (int64_t)c->n * ms;
    result->max_pod_ms += s->rules.max * ms;
    if ((int32_t)c->n > result->most)
        result->most = (int32_t)c->n;
    if ((int32_t)c->n == s->rules.max)
        result->at_max_ms += ms;
    if (target == 0 || queue < 0 || queue <= allowed)
        return;
    result->over_target_ms += ms;
    if (queue - allowed > result->worst_over)
        result->worst_over = queue - allowed;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t longest_of(const struct hpa_scaling *s, int64_t longest_s)
{
    longest_s = s->window_s > longest_s ? s->window_s : longest_s;
    for (unsigned i = 0; i < s->n; i++)
        if (s->policies[i].period_s > longest_s)
            longest_s = s->policies[i].period_s;
    return longest_s;
}

/* For how long what was before counts: without `behavior` 300 s. */
static int64_t longest_ms(const struct hpa_rules *rules)
{
    if (!rules->has_behavior)
        return DOWN_WINDOW_MS;
    return 1000 * longest_of(&rules->down, longest_of(&rules->up, 0));
}

void simulate_run(struct simulate_service *service, int64_t sync_ms, int64_t target_wait_ms,
                  struct simulate_result *ret_result)
{
    const struct trace *trace = &service->trace;
    const struct trace_row *row = trace->rows, *last = &trace->rows[trace->n - 1];
    lp_auto_free struct cluster *c = lp_alloc(sizeof *c);
    hpa_auto_state struct hpa_state state = { 0 };
    int64_t next_sync = row->at_ms, next_plan = simulate_plan_at(service, row->at_ms);

    *ret_result = (struct simulate_result){ .series = lp_alloc(sizeof *ret_result->series),
                                            .waits = lp_alloc(sizeof *ret_result->waits) };
    series_init(ret_result->series, row->at_ms, last->at_ms);
    ret_result->waits->target_ms = target_wait_ms;
    ret_result->beside.early_ms = longest_ms(&service->rules);
    simulate_lift_init(&service->lift, row->at_ms);
    cluster_init(c, &service->pod, (size_t)service->rules.min, row->at_ms);
    cluster_take_spec(c, row);
    while (c->now_ms < last->at_ms) {
        while (row[1].at_ms <= c->now_ms)
            row++;
        if (c->now_ms >= next_plan)
            next_plan = simulate_plan_at(service, c->now_ms);
        if (c->now_ms == service->lift.next_ms)
            look(service, c, row, ret_result);
        if (c->now_ms == next_sync) {
            if (service->pod.as_recorded)
                take_recorded(service, c, row, ret_result);
            sync_once(service, c, row, &state, ret_result);
            next_sync = service->pod.as_recorded ? row[1].at_ms : next_sync + sync_ms;
        }
        int64_t until =
            least(least(row[1].at_ms, next_sync), least(next_plan, cluster_next_ready(c)));
        until = least(until, service->lift.next_ms);
        /* A backlog that we make changes all the time: it is looked at ten times a second. */
        if (trace->has[TRACE_ARRIVAL_RATE])
            until = least(until, c->now_ms + 100);
        account(service, c, row, until - c->now_ms, ret_result);
        pass(c, row, until, ret_result);
    }
    waits_end(ret_result->waits);
    ret_result->turned_away = c->turned_away;
}

static void over_limit(json_t *failures, const char *what, int64_t limit, int64_t is, int64_t unit)
{
    lp_auto_free char *text = lp_sprintf("%s: must be at most %.3f, is %.3f", what,
                                         (double)limit / 1000, (double)is / (double)unit);
    json_array_append_new(failures, json_string(text));
}

/* The limits of the options that the services are over, pods in all and waits each, as sentences;
 * the caller's. */
static json_t *simulate_check(const struct simulate_pair *pairs, size_t n,
                              const struct cli_options *options)
{
    json_t *failures = json_array();
    int64_t hours = options->max_pod_hours, seconds = options->max_over_target;
    int64_t minutes = options->max_minutes_over, differ = options->max_differences, pod_ms = 0;

    for (size_t i = 0; i < n; i++)
        pod_ms += pairs[i].result.pod_ms;
    if (hours >= 0 && pod_ms > hours * 3600)
        over_limit(failures, "pod-hours", hours, pod_ms, 3600000);
    for (size_t i = 0; i < n; i++) {
        const struct simulate_result *r = &pairs[i].result;
        if (seconds >= 0 && r->over_target_ms > seconds)
            over_limit(failures, "seconds over the queue depth's target", seconds,
                       r->over_target_ms, 1000);
        int64_t late = (int64_t)(r->beside.differ - r->beside.early);
        if (differ >= 0 && late * 1000 > differ)
            over_limit(failures, "looks that were decided otherwise", differ, late, 1);
        if (minutes >= 0 && r->waits->minutes_over * 1000 > minutes)
            over_limit(failures, "minutes over the target wait", minutes, r->waits->minutes_over,
                       1);
    }
    return failures;
}

/* Limits that nothing in the trace could be over would always be kept. */
static int check_limits(const struct cli_options *options, const struct simulate_service *s,
                        struct lp_error *err)
{
    const bool *has = s->trace.has;

    if (options->max_over_target >= 0 && !has[TRACE_QUEUE_DEPTH] && !has[TRACE_ARRIVAL_RATE])
        return lp_error_set(err, LP_E_INVALID,
                            "--max-seconds-over-target: needs a column queue_depth or arrival_rate "
                            "in %.256s",
                            options->trace);
    if (options->max_minutes_over >= 0 && !has[TRACE_ARRIVAL_RATE])
        return lp_error_set(err, LP_E_INVALID,
                            "--max-minutes-over-target: needs a column arrival_rate in %.256s",
                            options->trace);
    if (options->max_differences >= 0 && (!options->as_recorded || !has[TRACE_DECIDED]))
        return lp_error_set(err, LP_E_INVALID,
                            "--max-differences: needs --as-recorded, and a column decided in "
                            "%.256s",
                            options->trace);
    return 0;
}

static int load_pair(const struct cli_options *options, enum service_id id,
                     const struct plan_images *images, const struct lp_buf *csv,
                     struct simulate_pair *pair, struct lp_error *err)
{
    int r = simulate_load(options->files[0], id, options, images, csv, &pair->service, err);
    if (r == 0 && options->compare)
        r = simulate_load(options->compare, id, options, images, csv, &pair->other, err);
    if (r == 0)
        r = check_limits(options, &pair->service, err);
    if (r < 0)
        return r;
    simulate_run(&pair->service, options->sync_ms, options->target_wait_ms, &pair->result);
    if (options->compare)
        simulate_run(&pair->other, options->sync_ms, options->target_wait_ms, &pair->other_result);
    return 0;
}

struct pairs {
    struct simulate_pair of[N_SERVICES];
    size_t n;
};

static void pairs_free(struct pairs **p)
{
    for (size_t i = 0; i < N_SERVICES; i++) {
        simulate_service_done(&(*p)->of[i].service);
        simulate_service_done(&(*p)->of[i].other);
        simulate_result_done(&(*p)->of[i].result);
        simulate_result_done(&(*p)->of[i].other_result);
    }
    free(*p);
}

/* The service of the options, or those that columns of the trace name. */
static int services_of(const struct cli_options *options, const struct lp_buf *csv,
                       unsigned *ret_services, struct lp_error *err)
{
    for (unsigned id = 0; id < N_SERVICES && options->service; id++) {
        if (strcmp(service_kinds[id].name, options->service) == 0) {
            *ret_services = 1U << id;
            return 0;
        }
    }
    if (options->service)
        return lp_error_set(
            err, LP_E_INVALID,
            "--service: must be gateway, auth, ai-feedback or progress, is \"%.64s\"",
            options->service);
    *ret_services = trace_services(csv->ptr, csv->len);
    if (*ret_services == 0)
        return lp_error_set(err, LP_E_INVALID,
                            "simulate needs --service, as no column of %.256s names a service; see "
                            "--help",
                            options->trace);
    return 0;
}

static int simulate_all(const struct cli_options *options, const struct plan_images *images,
                        struct pairs *pairs, struct lp_error *err)
{
    lp_auto_buf struct lp_buf csv = LP_BUF_INIT(LP_LIMIT_TRACE_BYTES);
    unsigned services = 0;

    int r = file_read(options->trace, &csv, err);
    if (r == 0)
        r = services_of(options, &csv, &services, err);
    for (unsigned id = 0; id < N_SERVICES && r == 0; id++)
        if (services & 1U << id)
            r = load_pair(options, (enum service_id)id, images, &csv, &pairs->of[pairs->n++], err);
    return r;
}

int simulate_command(const struct cli_options *options, const struct plan_images *images,
                     struct lp_buf *out, json_t **ret_failures, struct lp_error *err)
{
    struct pairs *pairs __attribute__((cleanup(pairs_free))) = lp_alloc(sizeof *pairs);
    bool both = options->compare != NULL;

    int r = simulate_all(options, images, pairs, err);
    if (r < 0)
        return r;
    *ret_failures = simulate_check(pairs->of, pairs->n, options);
    if (options->format == CLI_JSON) {
        json_auto_t *o = simulate_json(pairs->of, pairs->n, both, *ret_failures);
        lp_json_write_unsorted(o, out);
        lp_buf_char(out, '\n');
    } else if (options->format == CLI_CSV) {
        simulate_csv(pairs->of, pairs->n, out);
    } else if (options->format == CLI_SVG) {
        simulate_svg(pairs->of, pairs->n, out);
    } else {
        simulate_text(pairs->of, pairs->n, both, out);
    }
    if (out->overflowed)
        return lp_error_set(err, LP_E_TOO_LARGE, "the answer has over %zu bytes", out->max);
    return 0;
}
