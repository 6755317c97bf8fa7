/* services/learning/recommend/choose.h -- what to practise next, from what is due and what could be
 * new. Pure: chance comes from a seed. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "services/learning/model/fsrs.h"
#include "services/learning/recommend/bandit.h"
#include "services/learning/recommend/features.h"
#include "services/learning/recommend/forgetting.h"

#define CHOOSE_MOST 50                   /* items of an answer */
#define CHOOSE_DUE 112                   /* reviews that are looked at, of those that are ripe */
#define CHOOSE_REST_MS (FSRS_DAY_MS / 2) /* after practice, for what is not due */
#define CHOOSE_FRESH 64                  /* new items that are looked at */
#define CHOOSE_AHEAD_DAYS 10.0           /* before an exam, how far gain looks at most */

/*
 * bandit: reviews by the recall that they bring in their time, new items by the bandit; fsrs:
 * reviews by due time, new items by level and rank; lowest-average: what was rated lowest on
 * average, as the platform that was replaced did; random: any of all.
 */
enum policy { POLICY_BANDIT, POLICY_FSRS, POLICY_LOWEST_AVERAGE, POLICY_RANDOM, POLICIES };
extern const char *const policy_names[POLICIES + 1]; /* ends with NULL */

/* Texts are borrowed. */
struct candidate {
    const char *id, *phrase;
    struct item_facts facts;
    bool is_new;
    struct fsrs_state state; /* of a review */
    int seen, recalled;      /* reviews so far, and those that were recalled */
    double average;          /* of its ratings, 1..4 */
    /* What choose() adds. */
    double recall, gain, propensity; /* gain: of recall at the horizon, by one exercise now */
    double worth;       /* the same by each of as many exercises as pay best, which puts in order */
    double x[BANDIT_D]; /* of a new one */
};

struct wish {
    enum policy policy;
    int n; /* 1..CHOOSE_MOST */
    int64_t now_ms;
    int64_t exam_ms;         /* 0: none */
    double budget_s;         /* seconds that the exercises may take; INFINITY: any */
    double level;            /* of the learner */
    const char *last_phrase; /* practised last; NULL: none */
    const struct bandit *bandit;
    const struct forgetting *forgetting;
    uint64_t seed;
};

struct choice {
    struct candidate *items[CHOOSE_MOST]; /* in the order of practice */
    int n;
    int fresh, slots; /* new candidates, and how many of them were to be chosen */
    double mean_x[BANDIT_D], first_x[BANDIT_D]; /* of all new ones; of the first `slots` */
};

/* Whether new items would be taken, if there are any: with so many reviews it may be none, and then
 * nobody needs to look for them. With none of `due` seen yet: whether they would whatever it is. */
bool choose_always_takes_new(enum policy policy, int64_t now_ms, int64_t exam_ms);
bool choose_takes_new(const struct wish *wish, const struct candidate *due, int n_due);

/*
 * Fills `ret_choice` with pointers into `due` (at most CHOOSE_DUE) and `fresh` (at most
 * CHOOSE_FRESH, by level and rank), which are reordered. Where twice as many reviews are due as are
 * wished for, nothing new is added; else at least a quarter is new. With an exam gain is of recall
 * on that day, or in CHOOSE_AHEAD_DAYS where it is further away; the bandit's policy then adds as
 * many new ones as bring more in their time than reviews, half at most; in the week before it new
 * items only fill what reviews leave. A review that was practised within half a day and is not due
 * is left out before all that. What does not fit into the budget is left out, and what would have
 * the same phrase as the one before it comes after another one, or not at all.
 */
void choose(const struct fsrs *model, const struct wish *wish, struct candidate *due, int n_due,
            struct candidate *fresh, int n_fresh, struct choice *ret_choice);
