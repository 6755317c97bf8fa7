/* cli/load/class.h -- the learners of a run, their loop, and their setup. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "cli/load/due.h"
#include "cli/load/learner.h"
#include "cli/load/learners_options.h"
#include "cli/load/loop.h"
#include "cli/load/shape.h"
#include "cli/load/stats.h"

#define MS INT64_C(1000000)
#define NS INT64_C(1000000000)

struct class
{
    const struct learners_options *o;
    struct stats *stats;
    struct learner_class shared;
    struct loop *loop;
    struct learner *learners;
    struct due due;       /* who thinks or pauses */
    uint32_t *free;       /* in the open model: who has no round; the last one is taken first */
    int64_t n_free, busy; /* busy: requests under way */
    unsigned routes[SCENARIO_STEPS]; /* of the steps, in `stats` */
    struct arrivals arrivals;
    int64_t arrival_ns; /* the next round of the open model; INT64_MAX: none */
    int64_t begin_ns, end_ns, cut_ns, shown_ns, progress_ns;
    int64_t n_set_up;        /* learners whose setup has begun */
    struct lp_error failure; /* of the setup; code 0: none */
};

/* The caller's, ended by class_free. Fails as loop_new() does. */
LP_MUST_USE int class_new(const struct learners_options *o, struct stats *stats, struct class **ret,
                          struct lp_error *err);
void class_free(struct class *c);

/* Runs the scenario's setup: once, or for each learner. Errors: learners_run(). */
LP_MUST_USE int class_set_up(struct class *c, struct lp_error *err);

uint32_t class_number(const struct class *c, const struct learner *l);

/* Sends the request of `step`. False: it would be too long, and nothing is under way. */
bool class_send(struct class *c, struct learner *l, const struct scenario_step *step);

/* Whose request has ended: it is not under way any more. */
struct learner *class_ended(struct class *c, CURL *easy);

/* Ends a request that is under way. */
void class_cut(struct class *c, struct learner *l);

/* LP_E_DENIED once a connection to an address that is not private was wanted, and not made. */
LP_MUST_USE int class_check_target(const struct class *c, struct lp_error *err);

/* CPU time of this program. */
double class_cpu_seconds(void);
