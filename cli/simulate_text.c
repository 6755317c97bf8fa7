/* cli/simulate_text.c -- what a simulation says, as text and as JSON. Pure. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/simulate.h"
#include "json/json.h"

#define NUMBER_TEXT 32

/* "12", "0.25": thousandths without what says nothing. */
static const char *decimal(int64_t milli, char room[NUMBER_TEXT])
{
    snprintf(room, NUMBER_TEXT, "%" PRId64 ".%03d", milli / 1000, (int)(milli % 1000));
    size_t n = strlen(room);
    while (room[n - 1] == '0')
        n--;
    room[room[n - 1] == '.' ? n - 1 : n] = '\0';
    return room;
}

static json_t *number(int64_t milli)
{
    return milli % 1000 == 0 ? json_integer(milli / 1000) : json_real((double)milli / 1000);
}

/* Of a metric: "85%", or what there is for one pod. */
static const char *amount(const struct hpa_metric *m, int64_t value, char room[NUMBER_TEXT])
{
    if (m->source == HPA_OBJECT)
        return decimal(value, room);
    snprintf(room, NUMBER_TEXT, "%" PRId64 "%%", value);
    return room;
}

static int64_t milli_of(const struct hpa_metric *m, int64_t value)
{
    return m->source == HPA_OBJECT ? value : value * 1000;
}

/* What kept the HPA from what the metric asks for. */
static const char *why(const struct simulate_change *c)
{
    if (c->at_once)
        return "burst, at once";
    if (c->by_others)
        return "by others, as recorded";
    if (c->winner < 0)
        return c->to < c->from ? "above maxReplicas" : "below minReplicas";
    if (c->limited)
        return c->limited;
    return c->proposal == c->to ? "as asked" : "stabilization window";
}

static json_t *change_json(const struct hpa_rules *rules, const struct simulate_change *c)
{
    const struct hpa_metric *m = c->winner < 0 ? NULL : &rules->metrics[c->winner];
    json_t *o = lp_json_make("{s:o, s:i, s:i, s:s}", "time", number(c->at_ms), "from", c->from,
                             "to", c->to, "why", why(c));
    if (m)
        json_object_update_new(o,
                               lp_json_make("{s:s, s:o, s:o, s:i}", "metric", m->name, "value",
                                            number(milli_of(m, c->value)), "target",
                                            number(milli_of(m, m->target)), "asked", c->proposal));
    return o;
}

/* Milliseconds of a percentile; null where nobody came or the wait is over what is counted. */
static json_t *wait_json(const struct waits *w, int64_t permille)
{
    int64_t ms = waits_percentile(w, permille);
    return ms < 0 || ms > WAIT_MOST_MS ? json_null() : json_integer(ms);
}

static json_t *looks_json(const struct simulate_beside *b)
{
    json_t *list = json_array();

    for (size_t i = 0; i < b->differ && i < SIMULATE_DIFFERENCES; i++) {
        const struct simulate_difference *d = &b->differences[i];
        json_array_append_new(list,
                              lp_json_make("{s:o, s:i, s:i}", "time", number(d->at_ms), "recorded",
                                           d->recorded, "simulated", d->simulated));
    }
    return lp_json_make("{s:I, s:I, s:I, s:o, s:o}", "looks", (json_int_t)b->looks, "differ",
                        (json_int_t)b->differ, "early", (json_int_t)b->early, "earlySeconds",
                        number(b->early_ms), "differences", list);
}

static json_t *summary_json(const struct simulate_service *s, const struct simulate_result *r)
{
    json_t *o = lp_json_make(
        "{s:o, s:o, s:o, s:I, s:i, s:i, s:i, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I}",
        "seconds", number(r->length_ms), "podHours", number(r->pod_ms / 3600), "podHoursAtMax",
        number(r->max_pod_ms / 3600), "syncs", (json_int_t)r->syncs, "min", s->rules.min, "max",
        s->rules.max, "mostPods", r->most, "secondsAtMax", number(r->at_max_ms),
        "secondsOverTarget", number(r->over_target_ms), "worstOverTarget", number(r->worst_over),
        "turnedAway", number(r->turned_away / 1000), "changes", (json_int_t)r->n_changes, "ups",
        (json_int_t)r->ups, "downs", (json_int_t)r->downs, "flaps", (json_int_t)r->flaps,
        "syncsWithoutDecision", (json_int_t)r->frozen);
    if (s->trace.has[TRACE_ARRIVAL_RATE])
        json_object_update_new(o, lp_json_make("{s:I, s:I, s:{s:o, s:o, s:o}}", "targetWaitMs",
                                               (json_int_t)r->waits->target_ms, "minutesOverTarget",
                                               (json_int_t)r->waits->minutes_over, "waitMs", "p50",
                                               wait_json(r->waits, 500), "p95",
                                               wait_json(r->waits, 950), "p99",
                                               wait_json(r->waits, 990)));
    if (r->beside.looks > 0)
        json_object_set_new(o, "recorded", looks_json(&r->beside));
    if (r->beside.seen_ms > 0)
        json_object_set_new(o, "shareWithinOnePod",
                            json_real((double)r->beside.near_ms / (double)r->beside.seen_ms));
    return o;
}

static json_t *pair_json(const struct simulate_pair *p, bool both)
{
    json_t *changes = json_array(), *left_out = json_array();
    const struct simulate_service *service = &p->service;

    for (size_t i = 0; i < p->result.n_changes; i++)
        json_array_append_new(changes, change_json(&service->rules, &p->result.changes[i]));
    for (unsigned i = 0; i < service->n_left_out; i++)
        json_array_append_new(left_out, json_string(service->left_out[i]));
    return lp_json_make("{s:s, s:o, s:b, s:o, s:o, s:o*}", "service", service->title, "leftOut",
                        left_out, "unmeasured", service->unmeasured, "changes", changes, "summary",
                        summary_json(service, &p->result), "compare",
                        both ? summary_json(&p->other, &p->other_result) : NULL);
}

json_t *simulate_json(const struct simulate_pair *pairs, size_t n, bool both,
                      const json_t *failures)
{
    json_t *list = json_array(), *o;
    int64_t pod_ms = 0;

    if (n == 1) {
        json_decref(list);
        o = pair_json(pairs, both);
        json_object_set(o, "failures", (json_t *)failures);
        return o;
    }
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(list, pair_json(&pairs[i], both));
        pod_ms += pairs[i].result.pod_ms;
    }
    return lp_json_make("{s:o, s:o, s:O}", "services", list, "podHours", number(pod_ms / 3600),
                        "failures", failures);
}

static void change_text(const struct hpa_rules *rules, const struct simulate_change *c,
                        struct lp_buf *out)
{
    const struct hpa_metric *m = c->winner < 0 ? NULL : &rules->metrics[c->winner];
    char time[NUMBER_TEXT], value[NUMBER_TEXT] = "-", target[NUMBER_TEXT] = "-", asked[16] = "-";

    if (m) {
        amount(m, c->value, value);
        amount(m, m->target, target);
        snprintf(asked, sizeof asked, "%d", c->proposal);
    }
    lp_buf_printf(out, "%10s  %-12s %10s %8s %6s %5d %5d  %s\n", decimal(c->at_ms, time),
                  m ? m->name : "-", value, target, asked, c->from, c->to, why(c));
}

/* One line of the summary: a value, and that of the other. */
static void line(struct lp_buf *out, const char *what, const char *value, const char *other)
{
    lp_buf_printf(out, "%-28s %14s", what, value);
    if (other)
        lp_buf_printf(out, " %14s", other);
    lp_buf_char(out, '\n');
}

static void figure(struct lp_buf *out, const char *what, int64_t milli, bool both, int64_t other)
{
    char a[NUMBER_TEXT], b[NUMBER_TEXT];
    line(out, what, decimal(milli, a), both ? decimal(other, b) : NULL);
}

static const char *wait_cell(const struct waits *w, int64_t permille, char room[NUMBER_TEXT])
{
    int64_t ms = w ? waits_percentile(w, permille) : -1;

    if (ms < 0)
        snprintf(room, NUMBER_TEXT, "-");
    else if (ms > WAIT_MOST_MS)
        snprintf(room, NUMBER_TEXT, "over %d", WAIT_MOST_MS);
    else
        snprintf(room, NUMBER_TEXT, "%" PRId64, ms);
    return room;
}

/* How long requests waited. `other` NULL: there is nothing beside. */
static void waits_text(const struct waits *w, const struct waits *other, struct lp_buf *out)
{
    static const struct {
        const char *what;
        int64_t permille;
    } lines[] = { { "wait p50, ms", 500 }, { "wait p95, ms", 950 }, { "wait p99, ms", 990 } };
    char a[NUMBER_TEXT], b[NUMBER_TEXT];

    for (size_t i = 0; i < LP_COUNT(lines); i++)
        line(out, lines[i].what, wait_cell(w, lines[i].permille, a),
             other ? wait_cell(other, lines[i].permille, b) : NULL);
    lp_auto_free char *what = lp_sprintf("minutes over %" PRId64 " ms", w->target_ms);
    figure(out, what, w->minutes_over * 1000, other != NULL,
           other ? other->minutes_over * 1000 : 0);
}

static void summary_text(const struct simulate_result *r, const struct simulate_result *o,
                         bool both, struct lp_buf *out)
{
    const struct {
        const char *what;
        int64_t value, other; /* milli */
    } figures[] = {
        { "pod-hours", r->pod_ms / 3600, o->pod_ms / 3600 },
        { "pod-hours at max all along", r->max_pod_ms / 3600, o->max_pod_ms / 3600 },
        { "most pods", r->most * INT64_C(1000), o->most * INT64_C(1000) },
        { "seconds at max", r->at_max_ms, o->at_max_ms },
        { "seconds over queue target", r->over_target_ms, o->over_target_ms },
        { "worst backlog over target", r->worst_over, o->worst_over },
        { "requests turned away", r->turned_away / 1000, o->turned_away / 1000 },
        { "changes up", (int64_t)r->ups * 1000, (int64_t)o->ups * 1000 },
        { "changes down", (int64_t)r->downs * 1000, (int64_t)o->downs * 1000 },
        { "flaps within ten minutes", (int64_t)r->flaps * 1000, (int64_t)o->flaps * 1000 },
        { "syncs without a decision", (int64_t)r->frozen * 1000, (int64_t)o->frozen * 1000 },
    };

    if (r->waits->total > 0)
        waits_text(r->waits, both ? o->waits : NULL, out);
    for (size_t i = 0; i < LP_COUNT(figures); i++)
        figure(out, figures[i].what, figures[i].value, both, figures[i].other);
}

static void head_text(const struct simulate_service *s, const struct simulate_result *r,
                      struct lp_buf *out)
{
    char room[NUMBER_TEXT];

    lp_buf_printf(out, "%s: %d to %d pods, %s s, %zu syncs\n", s->title, s->rules.min, s->rules.max,
                  decimal(r->length_ms, room), r->syncs);
    for (unsigned i = 0; i < s->n_left_out; i++)
        lp_buf_printf(out, "the HPA also goes by %s, which the trace does not have: left out\n",
                      s->left_out[i]);
    const struct service_spec *spec = &s->platform.spec.services[s->id];
    if (!s->trace.has[TRACE_ARRIVAL_RATE] &&
        (spec->autoscaling.burst.factor || spec->autoscaling.fallback.replicas > 0))
        lp_buf_str(out, "the trace has no arrival_rate: burst and fallback do not count\n");
    if (s->start_ms < 0 &&
        (json_array_size(s->platform.spec.schedules) > 0 || spec->autoscaling.pause.until))
        lp_buf_str(out, "the trace has no date: schedules and pauses do not count; see --start\n");
    if (s->platform.spec.services[s->id].autoscaling.min == 0)
        lp_buf_str(out,
                   "minReplicas is 0: going to no pods is not simulated, one counts at least\n");
    if (s->unmeasured)
        lp_buf_printf(out,
                      "expectedStudents of a schedule does not count: the file has no "
                      "status.services[%s].measured; kubectl get lp -o yaml has it\n",
                      service_kinds[s->id].name);
}

/* How near the simulation is to the run that was recorded. */
static void beside_text(const struct simulate_beside *b, struct lp_buf *out)
{
    char room[NUMBER_TEXT];

    if (b->looks > 0)
        lp_buf_printf(out, "looks as they were recorded: %zu, decided otherwise: %zu", b->looks,
                      b->differ - b->early);
    if (b->early > 0)
        lp_buf_printf(out,
                      ", and %zu in the first %s s, by what the controller knew from before the "
                      "recording",
                      b->early, decimal(b->early_ms, room));
    if (b->looks > 0)
        lp_buf_char(out, '\n');
    for (size_t i = 0; i < b->differ && i < SIMULATE_DIFFERENCES; i++)
        lp_buf_printf(out, "  at %s: recorded %d, simulated %d\n",
                      decimal(b->differences[i].at_ms, room), b->differences[i].recorded,
                      b->differences[i].simulated);
    if (b->seen_ms > 0)
        lp_buf_printf(out, "within one pod of seen_replicas: %.1f %% of the time\n",
                      100.0 * (double)b->near_ms / (double)b->seen_ms);
}

static void pair_text(const struct simulate_pair *p, bool both, struct lp_buf *out)
{
    head_text(&p->service, &p->result, out);
    if (!both && p->result.n_changes > 0)
        lp_buf_printf(out, "\n%10s  %-12s %10s %8s %6s %5s %5s  %s\n", "TIME", "METRIC", "VALUE",
                      "TARGET", "ASKS", "FROM", "TO", "WHY");
    for (size_t i = 0; !both && i < p->result.n_changes; i++)
        change_text(&p->service.rules, &p->result.changes[i], out);
    lp_buf_char(out, '\n');
    if (both) {
        head_text(&p->other, &p->other_result, out);
        line(out, "", "-f", "--compare");
    } else {
        simulate_plot(&p->service, &p->result, out);
    }
    beside_text(&p->result.beside, out);
    summary_text(&p->result, &p->other_result, both, out);
}

void simulate_text(const struct simulate_pair *pairs, size_t n, bool both, struct lp_buf *out)
{
    int64_t pod_ms = 0, other_ms = 0;

    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            lp_buf_char(out, '\n');
        pair_text(&pairs[i], both, out);
        pod_ms += pairs[i].result.pod_ms;
        other_ms += pairs[i].other_result.pod_ms;
    }
    if (n == 1)
        return;
    lp_buf_char(out, '\n');
    figure(out, "pod-hours of all", pod_ms / 3600, both, other_ms / 3600);
}
