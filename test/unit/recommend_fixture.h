/* test/unit/recommend_fixture.h -- a learner's items that are due, and new ones, to choose from. */
#pragma once

#include "services/learning/recommend/choose.h"

#include <math.h>
#include <stdio.h>

#include "unit/check.h"

#define NOW_MS ((int64_t)1796032800000) /* 2026-11-30T10:00:00Z */

static struct fsrs model;
static struct bandit bandit;
static struct forgetting forgetting; /* nothing is known of it, but where a test says so */
static struct candidate due[CHOOSE_DUE], fresh[CHOOSE_FRESH];
static char names[CHOOSE_DUE + CHOOSE_FRESH][16];

static struct wish a_wish(enum policy policy, int n)
{
    return (struct wish){ .policy = policy,
                          .n = n,
                          .now_ms = NOW_MS,
                          .budget_s = (double)INFINITY,
                          .level = 1,
                          .bandit = &bandit,
                          .forgetting = &forgetting,
                          .seed = 7 };
}

/* `n_due` reviews, last done one, two, three … days ago, each due since; `n_fresh` new items. */
static void fill(int n_due, int n_fresh)
{
    ok(fsrs_init(NULL, 0.9, &model, &err));
    bandit_init(&bandit);
    for (int i = 0; i < n_due + n_fresh; i++)
        snprintf(names[i], sizeof names[i], "item-%d", i);
    for (int i = 0; i < n_due; i++) {
        due[i] = (struct candidate){ .id = names[i],
                                     .phrase = names[i],
                                     .facts = { "Noun", 1, 10, 0, i, false },
                                     .average = 1 + i % 4,
                                     .seen = 2,
                                     .state = { .stage = FSRS_REVIEW,
                                                .difficulty = 5,
                                                .stability = 1 + i % 40,
                                                .last_ms = NOW_MS - (i + 1) * FSRS_DAY_MS,
                                                .due_ms = NOW_MS - i * 1000 } };
    }
    for (int i = 0; i < n_fresh; i++)
        fresh[i] = (struct candidate){ .id = names[n_due + i],
                                       .phrase = names[n_due + i],
                                       .facts = { "Noun", 1 + i % 3, 10, 0, i, false },
                                       .is_new = true };
}
