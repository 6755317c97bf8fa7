/* bench/learning/tutors.h -- who says what is practised next: lp-learning's recommender itself
 * (services/learning/recommend, linked), and what it is compared with. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "services/learning/model/fsrs.h"
#include "services/learning/recommend/choose.h"
#include "services/learning/recommend/forgetting.h"

/*
 * random: any item. sm2: SuperMemo 2 (Wozniak 1990), due ones first, then new ones. fsrs: those
 * that are due by FSRS-6 at a retention of 0.9, longest first, then new ones. q: tabular Q-learning
 * (Watkins 1989) over level, reviews so far, last rating and days since, as the platform that is
 * replaced did it, with the reward of features_reward. ours: choose() with POLICY_BANDIT and the
 * exam's date.
 */
enum tutor_kind { TUTOR_RANDOM, TUTOR_SM2, TUTOR_FSRS, TUTOR_Q, TUTOR_OURS, TUTORS };
extern const char *const tutor_names[TUTORS];

#ifndef TUTOR_ITEMS
#define TUTOR_ITEMS 500 /* another number: -DTUTOR_ITEMS=2000 */
#endif
#define TUTOR_STATES (3 * 6 * 5 * 6) /* of Q-learning */

/* What a tutor knows of an item: nothing of the true memory. */
struct known {
    int level, seconds, seen, recalled, last; /* last rating */
    int64_t last_ms;
    struct fsrs_state fsrs;
    double ease, interval_days; /* SM-2 */
    int right;                  /* in a row, SM-2 */
    int64_t due_ms;             /* by SM-2 */
};

/* One tutor of one learner. */
struct tutor {
    enum tutor_kind kind;
    struct fsrs model;
    struct known items[TUTOR_ITEMS];
    int64_t exam_ms;
    uint64_t chance;
    double q[TUTOR_STATES];
    /* ours: */
    struct bandit bandit;
    struct forgetting forgetting;
    double level;
    int queue[CHOOSE_MOST], queued, at;
    bool is_new[CHOOSE_MOST];
    double x[CHOOSE_MOST][BANDIT_D];
    int asked; /* recommendations that were computed */
};

/* Once, before any tutor. */
void tutors_name_items(void);
void tutor_init(struct tutor *t, enum tutor_kind kind, int64_t exam_ms, uint64_t seed);
/* The next item at `now_ms` that takes at most `left_s` seconds; -1: none. */
int tutor_next(struct tutor *t, int64_t now_ms, double left_s);
/* The item was practised. */
void tutor_told(struct tutor *t, int item, int rating, int64_t now_ms);
