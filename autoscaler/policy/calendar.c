/* autoscaler/policy/calendar.c -- see the header. No state; any thread. */
#include "autoscaler/policy/calendar.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "platform/schedule.h"
#include "platform/window.h"

#define MINUTE_MS INT64_C(60000)
#define RAMP_STEPS 10

static void note_change(struct calendar *c, int64_t at_ms, int64_t now_ms)
{
    if (at_ms > now_ms && (c->change_ms == 0 || at_ms < c->change_ms))
        c->change_ms = at_ms;
}

/* Keeps the earliest; of equal starts that of the schedule which stands first. */
static void note_activation(struct calendar *c, const struct schedule *s,
                            const struct window_span *span, int64_t lead_s)
{
    unsigned at = c->n_next;

    while (at > 0 && c->next[at - 1].start_ms > span->start_ms)
        at--;
    if (at == CALENDAR_NEXT)
        return;
    if (c->n_next < CALENDAR_NEXT)
        c->n_next++;
    memmove(&c->next[at + 1], &c->next[at], (c->n_next - 1 - at) * sizeof *c->next);
    c->next[at] = (struct calendar_activation){ s->name, span->start_ms, span->end_ms, lead_s };
}

/* What a schedule asks for of one service; replicas 0: nothing. */
static struct calendar_floor whole_floor(const struct schedule *s, const struct figure *figure,
                                         enum service_id id)
{
    struct calendar_floor f = { .replicas = s->replicas.services[id], .schedule = s->name };
    int64_t pods = s->students > 0 ? figure_pods(figure, s->students) : 0;

    if (pods > f.replicas) {
        f.replicas = pods;
        f.students = s->students;
        f.figure = *figure;
    }
    return f;
}

/* `steps` of RAMP_STEPS: so much of the whole. */
static void raise_floor(struct calendar_floor *f, struct calendar_floor whole,
                        const struct window_span *span, int64_t steps)
{
    whole.replicas = (whole.replicas * steps + RAMP_STEPS - 1) / RAMP_STEPS;
    whole.start_ms = span->start_ms;
    whole.end_ms = span->end_ms;
    if (whole.replicas > f->replicas ||
        (whole.replicas > 0 && whole.replicas == f->replicas && span->end_ms > f->end_ms))
        *f = whole;
}

static int64_t lead_s_of(const struct schedule *s, const struct figure *figure)
{
    return s->lead_minutes >= 0 ? s->lead_minutes * 60 : figure_lead_s(figure);
}

/* How many of RAMP_STEPS are taken by now. */
static int64_t steps_taken(struct calendar *c, const struct schedule *s,
                           const struct window_span *span, int64_t lead_s, int64_t now_ms)
{
    int64_t whole_ms = span->start_ms - lead_s * 1000, steps = 0;

    for (int64_t k = 1; k <= RAMP_STEPS; k++) {
        int64_t at_ms = whole_ms - s->ramp_minutes * MINUTE_MS * (RAMP_STEPS - k) / RAMP_STEPS;
        note_change(c, at_ms, now_ms);
        steps += at_ms <= now_ms;
    }
    return steps;
}

static void note_unmeasured(struct calendar *c, const struct schedule *s,
                            const struct figures *figures)
{
    bool any = false;

    for (unsigned i = 0; i < N_SERVICES; i++)
        any = any || figures->of[i].at_ms == 0;
    if (s->students == 0 || !any || c->unmeasured.schedule)
        return;
    c->unmeasured.schedule = s->name;
    c->unmeasured.students = s->students;
    for (unsigned i = 0; i < N_SERVICES; i++)
        c->unmeasured.services[i] = figures->of[i].at_ms == 0;
}

/* Returns the longest lead of a service that it is about. */
static int64_t add_span(struct calendar *c, const struct schedule *s, const struct figures *figures,
                        const struct window_span *span, int64_t now_ms)
{
    int64_t longest_s = 0;

    for (unsigned i = 0; i < N_SERVICES; i++) {
        const struct figure *figure = &figures->of[i];
        struct calendar_floor whole = whole_floor(s, figure, (enum service_id)i);
        if (whole.replicas == 0)
            continue;
        int64_t lead_s = lead_s_of(s, figure);
        int64_t steps = steps_taken(c, s, span, lead_s, now_ms);
        longest_s = lead_s > longest_s ? lead_s : longest_s;
        if (steps > 0)
            raise_floor(&c->floors[i], whole, span, steps);
    }
    return longest_s;
}

static void add_schedule(struct calendar *c, const struct schedule *s,
                         const struct figures *figures, int64_t now_ms)
{
    struct window_span spans[CALENDAR_NEXT];
    unsigned n = window_spans(&s->when, s->exclude, now_ms, spans, CALENDAR_NEXT);

    for (unsigned i = 0; i < n; i++) {
        note_activation(c, s, &spans[i], add_span(c, s, figures, &spans[i], now_ms));
        note_change(c, spans[i].end_ms, now_ms);
    }
    if (n > 0)
        note_unmeasured(c, s, figures);
}

void calendar_at(const json_t *schedules, const struct figures *figures, int64_t now_ms,
                 struct calendar *ret_calendar)
{
    static const struct figures none = { .of = { { .at_ms = 0 } } };
    const json_t *entry;
    size_t i;

    *ret_calendar = (struct calendar){ .n_next = 0 };
    json_array_foreach(schedules, i, entry)
    {
        struct schedule s;
        struct lp_error ignored; /* the spec was checked */
        if (schedule_read(entry, "", false, &s, &ignored) == 0)
            add_schedule(ret_calendar, &s, figures ? figures : &none, now_ms);
    }
}

static bool has_direction(const json_t *directions, const char *which)
{
    const json_t *direction;
    size_t i;

    json_array_foreach(directions, i, direction)
    {
        if (strcmp(json_string_value(direction), which) == 0)
            return true;
    }
    return false;
}

/* One that is past, or names nothing, is none. */
static struct calendar_pause pause_of(const struct service_spec *s, int64_t now_ms)
{
    const json_t *directions = s->autoscaling.pause.directions;
    int64_t until = s->autoscaling.pause.until ? lp_clock_parse(s->autoscaling.pause.until) : 0;

    if (until <= now_ms)
        return (struct calendar_pause){ .until_ms = 0 };
    return (struct calendar_pause){ .up = has_direction(directions, "Up"),
                                    .down = has_direction(directions, "Down"),
                                    .until_ms = until };
}

/* One whose autoscaling is off has no floor, and needs no figure. */
static void forget_unscaled(const struct platform *p, struct calendar *c)
{
    bool any = false;

    for (unsigned i = 0; i < N_SERVICES; i++) {
        c->unmeasured.services[i] &= p->spec.services[i].autoscaling.enabled;
        any = any || c->unmeasured.services[i];
    }
    if (!any)
        c->unmeasured.schedule = NULL;
}

void calendar_plan(struct platform *p, const struct figures *figures, int64_t now_ms,
                   struct calendar *ret_calendar)
{
    calendar_at(p->spec.schedules, figures, now_ms, ret_calendar);
    forget_unscaled(p, ret_calendar);
    for (unsigned i = 0; i < spec_n_services(&p->spec); i++) {
        struct calendar_pause *pause = &ret_calendar->pauses[i];
        *pause = pause_of(&p->spec.services[i], now_ms);
        note_change(ret_calendar, pause->until_ms, now_ms);
        p->floors[i] = ret_calendar->floors[i].replicas;
        p->pauses[i].up = pause->up;
        p->pauses[i].down = pause->down;
    }
}

void calendar_pause_text(const struct calendar_pause *pause, struct lp_buf *out)
{
    char until[LP_CLOCK_TEXT];

    lp_clock_format(pause->until_ms, 0, until);
    lp_buf_printf(out, "scaling %s is paused until %s",
                  pause->up && pause->down ? "up and down" : (pause->up ? "up" : "down"), until);
}

void calendar_text(const struct calendar_floor *floor, int64_t max, struct lp_buf *out)
{
    char until[LP_CLOCK_TEXT];

    lp_clock_format(floor->end_ms, 0, until);
    lp_buf_printf(out, "schedule %s ", floor->schedule);
    if (floor->replicas > max)
        lp_buf_printf(out, "asks for %" PRId64 ", maxReplicas allows %" PRId64 ", until %s",
                      floor->replicas, max, until);
    else
        lp_buf_printf(out, "keeps at least %" PRId64 " until %s", floor->replicas, until);
    if (floor->students == 0)
        return;
    lp_buf_printf(out, " for %" PRId64 " learners (", floor->students);
    figure_text(&floor->figure, out);
    lp_buf_char(out, ')');
}

void calendar_unmeasured_text(const struct calendar *calendar, struct lp_buf *out)
{
    const char *comma = "";

    lp_buf_printf(
        out, "spec.schedules[%s].expectedStudents: %" PRId64 " learners cannot be made pods of ",
        calendar->unmeasured.schedule, calendar->unmeasured.students);
    for (unsigned i = 0; i < N_SERVICES; i++) {
        if (!calendar->unmeasured.services[i])
            continue;
        lp_buf_printf(out, "%s%s", comma, service_kinds[i].name);
        comma = ", ";
    }
    lp_buf_printf(out,
                  ": their demand was never measured in a minute with at least %d active learners; "
                  "what replicas asks for is done, and these too as soon as it was",
                  FIGURES_LEARNERS);
}
