/* services/progress/feedback.h -- how often each kind of feedback was given: categories of edits,
 * never a text. Pure. */
#pragma once

#include <bson/bson.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define FEEDBACK_CATEGORIES 32 /* with a count of their own; then the rarest gives way */
#define FEEDBACK_NAME 32       /* bytes: a-z, 0-9, _, - and spaces within: a key of a document */
#define FEEDBACK_COUNT 10000   /* of one category of one activity */

struct feedback_category {
    char name[FEEDBACK_NAME + 1];
    int64_t count;
};

/* {0}: none. */
struct feedback {
    size_t n;
    struct feedback_category categories[FEEDBACK_CATEGORIES];
    int64_t others; /* whose names have no place */
};

/*
 * The member `feedback` of an activity, {"article": 2, …}; NULL and what is no object, as clients
 * of before may send it, is none. LP_E_INVALID: more than FEEDBACK_CATEGORIES, a name or a count
 * out of limits; the message says which, and the limit.
 */
LP_MUST_USE int feedback_read(const json_t *object, struct feedback *ret_feedback,
                              struct lp_error *err);

/* `count` more of one category; what is no name counts among the others. */
void feedback_add(struct feedback *f, const char *name, int64_t count);
void feedback_merge(struct feedback *into, const struct feedback *more);

/* Counts to 0; names stay. */
void feedback_reset(struct feedback *f);

/* The most frequent first, by name where they are even; none without a count. */
void feedback_sort(struct feedback *f);

/* {"article": 2} as member `key`, all categories; and back: `i` is before the first member. Counts
 * that are no numbers from 0 to `most` are made so. */
void feedback_append(const struct feedback *f, const char *key, bson_t *document);
void feedback_take(bson_iter_t *i, int64_t most, struct feedback *f);
