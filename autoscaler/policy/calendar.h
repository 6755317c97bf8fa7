/* autoscaler/policy/calendar.h -- what spec.schedules asks for at a moment: a least number of pods
 * for each service, and which windows come; and of autoscaling.pause. Pure, but for the time zones
 * that windows are told by.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "autoscaler/policy/figures.h"
#include "base/buf.h"
#include "platform/plan.h"

#define CALENDAR_NEXT 5

/* Of one service. */
struct calendar_floor {
    int64_t replicas;     /* 0: no schedule asks for any */
    const char *schedule; /* borrowed from the spec */
    int64_t start_ms, end_ms;
    int64_t students;     /* that they are made of; 0: of the schedule's replicas */
    struct figure figure; /* by which they are */
};

/* autoscaling.pause of one service, where it is in force. */
struct calendar_pause {
    bool up, down;
    int64_t until_ms; /* 0: it is not */
};

struct calendar_activation {
    const char *schedule; /* borrowed from the spec */
    int64_t start_ms, end_ms;
    int64_t
        lead_s; /* so long before the start pods are asked for: of the service with the longest */
};

struct calendar {
    struct calendar_floor floors[SPEC_MAX_SERVICES]; /* spec.schedules names the four alone */
    struct calendar_pause pauses[SPEC_MAX_SERVICES];
    /* Windows that are not over, the earliest first. */
    struct calendar_activation next[CALENDAR_NEXT];
    unsigned n_next;
    /* The first schedule whose expectedStudents has no figure for a service, and for which. */
    struct {
        const char *schedule; /* borrowed; NULL: there is none */
        int64_t students;
        bool services[N_SERVICES];
    } unmeasured;
    int64_t
        change_ms; /* when floors, windows or pauses change next; 0: not within WINDOW_SPANS_DAYS */
};

/*
 * At `now_ms` (wall clock). A floor holds from leadMinutes before a window's start, or where the
 * spec has none from figure_lead_s before it, to its end; it is the greater of replicas and of what
 * expectedStudents are by the figure of the service (NULL: nothing was measured). In the
 * rampMinutes before that it rises in ten equal steps, the last of which is the whole; where
 * several hold, the greatest counts, and of equal ones that which lasts longest. `schedules` has
 * passed schedules_check; NULL: none.
 */
void calendar_at(const json_t *schedules, const struct figures *figures, int64_t now_ms,
                 struct calendar *ret_calendar);

/* calendar_at of the spec of `p`, whose status has the figures (NULL: it has none), and the pauses
 * of its services; p->floors and p->pauses, by which it is planned, become those. */
void calendar_plan(struct platform *p, const struct figures *figures, int64_t now_ms,
                   struct calendar *ret_calendar);

/* Appends what is wrong with `unmeasured`, which has a schedule: field, value and limit. */
void calendar_unmeasured_text(const struct calendar *calendar, struct lp_buf *out);

/*
 * Appends why a service has a floor: "schedule exam keeps at least 4 until 2026-12-01T11:00:00Z",
 * with what it was cut to where `max` is less, and by which figure learners became pods. `floor`
 * has replicas.
 */
void calendar_text(const struct calendar_floor *floor, int64_t max, struct lp_buf *out);

/* Appends "scaling up and down is paused until 2026-12-01T11:00:00Z". The pause is in force. */
void calendar_pause_text(const struct calendar_pause *pause, struct lp_buf *out);
