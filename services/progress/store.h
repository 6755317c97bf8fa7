/* services/progress/store.h -- the collection activitylogs in MongoDB. */
#pragma once

#include <bson/bson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "services/progress/activity.h"
#include "services/progress/config.h"

/* A pool of connections and a thread that makes the indexes and watches the database. Any thread.
 */
struct store;

/* Connects in the background: the database need not be there yet. Call mongoc_init() first. */
LP_MUST_USE int store_new(const struct config *config, struct store **ret_store,
                          struct lp_error *err);
void store_free(struct store *s);

/* True once the indexes are made and while the database answers; else `why` says what is wrong. */
bool store_ready(struct store *s, char why[128]);

/*
 * Every operation: LP_E_UNAVAILABLE and LP_E_TIMEOUT where a later try may do (nobody answers, an
 * election, a member that ends; at once where the last ping found nobody); LP_E_INVALID where the
 * database refuses it.
 */

/*
 * Stores one activity: majority of the replica set and journal, so that it is not lost afterwards.
 * `key` (NULL: none): a second activity of the same learner with the same key is not stored, and
 * that is success once a majority has the first one, and *ret_at_ms is 0; else when it was logged.
 * LP_E_UNAVAILABLE, LP_E_TIMEOUT: it may or may not be stored.
 */
LP_MUST_USE int store_add(struct store *s, const struct activity *a, const char *key,
                          int64_t *ret_at_ms, struct lp_error *err);

/* How many activities of a learner are stored, at most `most`: no more are counted. */
LP_MUST_USE int store_count(struct store *s, const char *user_id, int64_t most, int64_t *ret_n,
                            struct lp_error *err);

/* A part of a learner's activities, newest first. */
struct page {
    int64_t limit;     /* 0: all */
    int64_t before_ms; /* only what is older than this wall time; 0: no such limit */
    bool after_id;     /* and at exactly before_ms only ids under `id` */
    bson_oid_t id;
};

/* Gets each document; a negative return ends the listing and is its result. */
typedef int store_sink(const bson_t *document, void *user, struct lp_error *err);

LP_MUST_USE int store_list(struct store *s, const char *user_id, const struct page *page,
                           store_sink *sink, void *user, struct lp_error *err);

/* Fills in the place of an activity of the learner, so that a page begins after it. LP_E_NOT_FOUND.
 */
LP_MUST_USE int store_place(struct store *s, const char *user_id, const bson_oid_t *id,
                            struct page *page, struct lp_error *err);

/* The activity with the lowest average score. `name` is the caller's. LP_E_NOT_FOUND without a
 * score. */
struct recommendation {
    char *name;
    double average;
    int64_t attempts;
};
LP_MUST_USE int store_recommend(struct store *s, const char *user_id,
                                struct recommendation *ret_recommendation, struct lp_error *err);

/* One activity of a learner over all its attempts. `name` is borrowed. */
struct summary {
    const char *name;
    int64_t count, scored; /* attempts, those with a score and a time */
    double mean;           /* of the scores */
    bool has_trend;        /* two scores, at least, that lie as far apart as two within an hour */
    double trend;          /* points per day: slope of the least squares line */
    int64_t last_ms;       /* wall time of the last attempt; 0: unknown */
    bool has_last_score;
    double last_score;
};
#define STORE_SUMMARY 500 /* activities at most, by name */
typedef int store_summary_sink(const struct summary *summary, void *user, struct lp_error *err);

LP_MUST_USE int store_summarize(struct store *s, const char *user_id, store_summary_sink *sink,
                                void *user, struct lp_error *err);

/* Deletes what was logged before the wall time `before_ms`, of all learners, as store_erase does.
 */
LP_MUST_USE int store_purge(struct store *s, int64_t before_ms, int64_t *ret_n,
                            struct lp_error *err);

/* Deletes all of a learner, as durably as store_add stores; *ret_n documents. Asked again it goes
 * on. Hours that were counted with them are marked, to be counted again (store_rollup.h). */
LP_MUST_USE int store_erase(struct store *s, const char *user_id, int64_t *ret_n,
                            struct lp_error *err);
