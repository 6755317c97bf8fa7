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
                            const struct window_span *span)
{
    unsigned at = c->n_next;

    while (at > 0 && c->next[at - 1].start_ms > span->start_ms)
        at--;
    if (at == CALENDAR_NEXT)
        return;
    if (c->n_next < CALENDAR_NEXT)
        c->n_next++;
    memmove(&c->next[at + 1], &c->next[at], (c->n_next - 1 - at) * sizeof *c->next);
    c->next[at] = (struct calendar_activation){ s->name, span->start_ms, span->end_ms };
}

/* `steps` of RAMP_STEPS: so much of what the schedule asks for. */
static void raise_floors(struct calendar *c, const struct schedule *s,
                         const struct window_span *span, int64_t steps)
{
    for (unsigned i = 0; i < N_SERVICES; i++) {
        struct calendar_floor *f = &c->floors[i];
        int64_t replicas = (s->replicas.services[i] * steps + RAMP_STEPS - 1) / RAMP_STEPS;
        if (replicas > f->replicas ||
            (replicas > 0 && replicas == f->replicas && span->end_ms > f->end_ms))
            *f = (struct calendar_floor){ replicas, s->name, span->start_ms, span->end_ms };
    }
}

static void add_schedule(struct calendar *c, const struct schedule *s, int64_t now_ms)
{
    struct window_span spans[CALENDAR_NEXT];
    unsigned n = window_spans(&s->when, s->exclude, now_ms, spans, CALENDAR_NEXT);

    for (unsigned i = 0; i < n; i++) {
        int64_t whole_ms = spans[i].start_ms - s->lead_minutes * MINUTE_MS;
        int64_t steps = 0;
        for (int64_t k = 1; k <= RAMP_STEPS; k++) {
            int64_t at_ms = whole_ms - s->ramp_minutes * MINUTE_MS * (RAMP_STEPS - k) / RAMP_STEPS;
            note_change(c, at_ms, now_ms);
            steps += at_ms <= now_ms;
        }
        note_activation(c, s, &spans[i]);
        note_change(c, spans[i].end_ms, now_ms);
        if (steps > 0)
            raise_floors(c, s, &spans[i], steps);
    }
}

void calendar_at(const json_t *schedules, int64_t now_ms, struct calendar *ret_calendar)
{
    const json_t *entry;
    size_t i;

    *ret_calendar = (struct calendar){ .n_next = 0 };
    json_array_foreach(schedules, i, entry)
    {
        struct schedule s;
        struct lp_error ignored; /* the spec was checked */
        if (schedule_read(entry, "", false, &s, &ignored) == 0)
            add_schedule(ret_calendar, &s, now_ms);
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

void calendar_plan(struct platform *p, int64_t now_ms, struct calendar *ret_calendar)
{
    calendar_at(p->spec.schedules, now_ms, ret_calendar);
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
}
