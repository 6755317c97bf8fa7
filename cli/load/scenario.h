/* cli/load/scenario.h -- what a learner does: steps, read from YAML. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/load/shape.h"
#include "cli/load/template.h"

#define SCENARIO_STEPS 32
#define SCENARIO_KEEPS 8
#define SCENARIO_STATUSES 16

/* Numbers of the variables that every scenario has; those of `values` and of keeps follow. */
enum { SCENARIO_EMAIL, SCENARIO_PASSWORD, SCENARIO_LEARNER, SCENARIO_ROUND, SCENARIO_TOKEN };

struct scenario_keep {
    const char *from; /* "user.id", of the answer */
    int variable;
};

struct scenario_step {
    const char *name, *method;
    struct template *path, *body;                /* body NULL: none */
    bool token;                                  /* with Authorization: Bearer ${token} */
    int64_t weight;                              /* 0: in each round */
    double think_min, think_max;                 /* seconds after it */
    int statuses[SCENARIO_STATUSES], n_statuses; /* none: 200..299 */
    const char *has;                             /* what the answer must have; NULL: anything */
    struct scenario_keep keeps[SCENARIO_KEEPS];
    int n_keeps;
};

struct scenario {
    json_t *document; /* owns the strings */
    bool account_each;
    struct template_names names;
    const json_t *values[TEMPLATE_VARIABLES]; /* lists of strings; NULL: no list */
    struct scenario_step setup[SCENARIO_STEPS], steps[SCENARIO_STEPS];
    int n_setup, n_steps;
    bool has_shape;
    struct shape shape;
};

/* The scenario of kubectl lp load without --scenario. */
extern const char scenario_of_a_class[];

/*
 * Reads a scenario as README.md says; the caller's, ended with scenario_free. `what` names the
 * source. LP_E_INVALID with source, line, field, value and limit; LP_E_TOO_LARGE over
 * LP_LIMIT_CONFIG_BYTES.
 */
LP_MUST_USE int scenario_parse(const char *bytes, size_t len, const char *what,
                               struct scenario **ret, struct lp_error *err);
void scenario_free(struct scenario *s);

/* Whether a step says ${...} of the variable of this number. */
bool scenario_uses(const struct scenario *s, int variable);

/*
 * The step of a round after step `after` (-1: the first); -1 at the end. Of neighbours with weights
 * one is taken, as often as its weight says: `random` is in [0, 1).
 */
int scenario_next(const struct scenario *s, int after, double random);
