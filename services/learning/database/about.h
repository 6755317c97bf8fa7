/* services/learning/database/about.h -- which items an activity or an edit is about: those with the
 * tag "about:" and its name, in which _ stands for a blank. */
#pragma once

#include "base/error.h"
#include "postgres/db.h"
#include "services/learning/model/fsrs.h"

#define ABOUT_TAG "about:"
#define ABOUT_NAME 64  /* bytes of a tag, and of an item's id */
#define ABOUT_ITEMS 8  /* with one tag: those of the lowest level, then by rank */
#define ABOUT_MOST 32  /* of one event */
#define ABOUT_NAMES 33 /* an activity, and as many categories as lp-progress keeps */

/* `name`: what it is about; borrowed. */
struct about_name {
    const char *name;
    enum fsrs_rating rating;
};

struct about_item {
    char id[ABOUT_NAME + 1];
    enum fsrs_rating rating; /* the worst, where several names lead to it */
};

/* *ret_n items, each once, by id. Names that make no tag lead to none. Errors as lp_db_run. */
LP_MUST_USE int about_find(struct lp_db *db, const struct about_name *names, size_t n_names,
                           struct about_item ret_items[ABOUT_MOST], size_t *ret_n,
                           struct lp_error *err);
