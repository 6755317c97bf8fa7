/* autoscaler/policy/figures.h -- what was measured of each service, by which spec.schedules makes
 * pods of learners and asks for them in time. It is kept in status.services[].measured, so that it
 * lives as long as the platform. Pure.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "autoscaler/policy/traffic.h"
#include "base/buf.h"
#include "platform/spec.h"

#define FIGURES_LEARNERS 10        /* active ones, below which nothing is made of a demand */
#define FIGURES_PODS INT64_C(1000) /* no maxReplicas is greater */
#define FIGURES_OLD_MS (INT64_C(60) * 24 * 3600 * 1000) /* then any figure takes its place */
#define FIGURES_MARGIN_S 30 /* beside the start of a pod: the HPA controller looks every 15 s */
#define FIGURES_LEAD_S INT64_C(300) /* where no start was seen yet */

/* Of one service. */
struct figure {
    int64_t per_thousand; /* pods that 1,000 active learners need at most, in thousandths */
    int64_t learners;     /* as many were active when it was measured */
    int64_t at_ms;        /* when, wall clock; 0: it was not */
    int64_t start_s; /* 95 % of its pods are Ready so long after their creation; 0: not known */
};

struct figures {
    struct figure of[N_SERVICES]; /* schedules are about the four alone */
};

/* What a status says; all zero where it says nothing, or what figure_take gives never. */
void figures_read(const json_t *status, struct figures *ret_figures);

/* A whole minute was measured, with so many learners active in it (-1: not known): a greater peak
 * for each learner, by over 5 %, takes the figure's place, any does after FIGURES_OLD_MS. The start
 * becomes what is remembered now, in steps of 5 s. */
void figure_take(struct figure *f, const struct measured *m, int64_t learners, int64_t now_ms);

/* {podsPerThousandLearners, learners, at, startSeconds}, what is known of it; the caller's. NULL:
 * nothing is. */
json_t *figure_status(const struct figure *f);

/* Pods that so many learners need, rounded up; -1: not measured. */
int64_t figure_pods(const struct figure *f, int64_t learners);

/* So long before a window the pods are asked for, in seconds, where the spec does not say. */
int64_t figure_lead_s(const struct figure *f);

/* Appends "12.5 pods for 1,000 learners, measured with 180 at 2026-11-30T09:12:00Z". It was. */
void figure_text(const struct figure *f, struct lp_buf *out);
