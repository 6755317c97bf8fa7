/* services/learning/database/reviews.h -- what learners answered, and the state that follows. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"
#include "postgres/db.h"
#include "services/learning/model/fsrs.h"
#include "services/learning/recommend/bandit.h"

#define REVIEWS_OF_ITEM 5000 /* of one learner and one item at most */

/* Every text is borrowed. */
struct review {
    const char *learner, *item, *key;
    enum fsrs_rating rating;
    int64_t at_ms, duration_ms;
    bool is_inferred; /* from a score or edits: no answer to an offer, and nothing of the level */
};

/* How many reviews of the state `s` were recalled; those that were there before it was counted, or
 * that a program of before wrote, are counted now. */
#define RECALLED_OF                                                           \
    "coalesce(s.recalled, (SELECT count(*) FROM reviews r WHERE r.learner = " \
    "s.learner AND r.item_id = s.item_id AND r.rating > 1)::int)"

/* What followed from it. */
struct reviewed {
    struct fsrs_state state;
    /* Recall before it, by the model and of this learner; negative: there was none, or it comes
     * late. */
    double predicted, foretold;
    int64_t reviews; /* of this learner and item, with this one */
    bool repeated;   /* it was there already; the state is that of now */
    char item[65];   /* whose state it is: where repeated, that of the first */
};

/*
 * Logs a review and updates the state, and what the learner's bandit and level make of it, in one
 * statement; one with a key that was there already is
 * not logged again. A state is what the reviews make in the order of their times (then of their
 * arrival): one that comes late is put between. Errors as lp_db_run; LP_E_NOT_FOUND no such item;
 * LP_E_TOO_LARGE REVIEWS_OF_ITEM are there; LP_E_UNAVAILABLE too many at the same moment.
 */
LP_MUST_USE int reviews_add(struct lp_db *db, const struct fsrs *model, const struct review *review,
                            struct reviewed *ret_reviewed, struct lp_error *err);

/* All of a learner: {"userId","states":[…],"reviews":[…],"model":{…} or null where there was no
 * review,"offers":[…]}, appended to `ret_json`. */
LP_MUST_USE int reviews_export(struct lp_db *db, const char *learner, struct lp_buf *ret_json,
                               struct lp_error *err);
/* *ret_n reviews were deleted, and all else of the learner. */
LP_MUST_USE int reviews_erase(struct lp_db *db, const char *learner, unsigned long *ret_n,
                              struct lp_error *err);
