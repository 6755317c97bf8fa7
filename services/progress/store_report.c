/* services/progress/store_report.c -- what the database computes over a learner's activities. No
 * state but what is made once. */
#include <math.h>
#include <pthread.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "services/progress/store_parts.h"

#define DAY_MS 86400000.0
#define LEAST_VARIANCE (1 / 48.0 / 48.0) /* days squared: half an hour */

/* The documents of a reply that has them all. */
static int each_of(const bson_t *reply, store_sink *sink, void *user, struct lp_error *err)
{
    bson_iter_t i, id, batch, one;
    int r = 0;

    if (!bson_iter_init(&i, reply) || !bson_iter_find_descendant(&i, "cursor.id", &id) ||
        bson_iter_as_int64(&id) != 0 || !bson_iter_init(&i, reply) ||
        !bson_iter_find_descendant(&i, "cursor.firstBatch", &batch) ||
        !BSON_ITER_HOLDS_ARRAY(&batch) || !bson_iter_recurse(&batch, &one))
        return lp_error_set(err, LP_E_UNAVAILABLE, "aggregate: the reply is not whole");
    while (r == 0 && bson_iter_next(&one)) {
        const uint8_t *bytes;
        uint32_t n;
        bson_t document;
        if (!BSON_ITER_HOLDS_DOCUMENT(&one))
            continue;
        bson_iter_document(&one, &n, &bytes);
        if (bson_init_static(&document, bytes, n))
            r = sink(&document, user, err);
    }
    return r;
}

/*
 * Gives each document of an aggregation to `sink`, `most` of them. The command itself: a cursor of
 * the driver's takes twice the processor's time, and is for more than one reply. The batch has room
 * for one more, so that the server sees the end and keeps no cursor open.
 */
static int aggregate(struct store *s, const char *name, const bson_t *pipeline, int32_t most,
                     store_sink *sink, void *user, struct lp_error *err)
{
    auto_operation struct store_operation o = { 0 };
    auto_bson bson_t command = BSON_INITIALIZER;
    bson_error_t e;
    bson_t reply;

    int r = store_operation_begin(s, name, &o, err);
    if (r < 0)
        return r;
    BCON_APPEND(&command, "aggregate", BCON_UTF8(mongoc_collection_get_name(o.logs)), "pipeline",
                BCON_ARRAY(pipeline), "cursor", "{", "batchSize", BCON_INT32(most + 1), "}",
                "maxTimeMS", BCON_INT64(STORE_OPERATION_MS));
    if (mongoc_collection_read_command_with_opts(o.logs, &command, NULL, NULL, &reply, &e))
        r = each_of(&reply, sink, user, err);
    else
        r = store_failed("aggregate", &reply, &e, err);
    bson_destroy(&reply);
    return r;
}

static double number_at(const bson_t *document, const char *key)
{
    bson_iter_t i;
    return bson_iter_init_find(&i, document, key) ? bson_iter_as_double(&i) : 0;
}

static bool has_number(const bson_t *document, const char *key)
{
    bson_iter_t i;
    return bson_iter_init_find(&i, document, key) &&
           (BSON_ITER_HOLDS_DOUBLE(&i) || BSON_ITER_HOLDS_INT(&i));
}

/* ---- recommendation ---- */

static int take_recommendation(const bson_t *document, void *user, struct lp_error *err)
{
    struct recommendation *ret = user;
    bson_iter_t i;

    if (!bson_iter_init_find(&i, document, "_id") || !BSON_ITER_HOLDS_UTF8(&i))
        return lp_error_set(err, LP_E_NOT_FOUND, "no scorable activity");
    free(ret->name);
    ret->name = lp_strdup(bson_iter_utf8(&i, NULL));
    ret->average = number_at(document, "averageScore");
    ret->attempts = (int64_t)number_at(document, "attempts");
    return 0;
}

/* All stages but the first: the same for everybody, so made once. */
static bson_t *best_stages;

static void make_best_stages(void)
{
    best_stages = BCON_NEW("1", "{", "$group", "{", "_id", "$activityName", "averageScore", "{",
                           "$avg", "$score", "}", "attempts", "{", "$sum", BCON_INT32(1), "}", "}",
                           "}", "2", "{", "$match", "{", "averageScore", "{", "$ne", BCON_NULL, "}",
                           "}", "}", "3", "{", "$sort", "{", "averageScore", BCON_INT32(1), "_id",
                           BCON_INT32(1), "}", "}", "4", "{", "$limit", BCON_INT32(1), "}");
}

int store_recommend(struct store *s, const char *user_id, struct recommendation *ret_recommendation,
                    struct lp_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    auto_bson bson_t pipeline = BSON_INITIALIZER;
    struct recommendation best = { 0 };

    pthread_once(&once, make_best_stages);
    BCON_APPEND(&pipeline, "0", "{", "$match", "{", "userId", BCON_UTF8(user_id), "score", "{",
                "$ne", BCON_NULL, "}", "}", "}");
    bson_concat(&pipeline, best_stages);
    int r = aggregate(s, "recommend", &pipeline, 1, take_recommendation, &best, err);
    if (r == 0 && !best.name)
        r = lp_error_set(err, LP_E_NOT_FOUND, "no scorable activity");
    if (r < 0) {
        free(best.name);
        return r;
    }
    *ret_recommendation = best;
    return 0;
}

/* ---- summary ---- */

struct summaries {
    store_summary_sink *sink;
    void *user;
};

/* Least squares over (days, score): the slope, from sums. Days count from now, so that the sums
 * stay small. Points that lie closer than two would an hour apart make no line. */
static void take_trend(const bson_t *d, struct summary *s)
{
    double n = number_at(d, "n"), x = number_at(d, "x"), y = number_at(d, "y");
    double spread = n * number_at(d, "xx") - x * x;

    s->has_trend = n >= 2 && spread >= n * n * LEAST_VARIANCE;
    if (s->has_trend)
        s->trend = (n * number_at(d, "xy") - x * y) / spread;
    s->has_trend = s->has_trend && isfinite(s->trend);
}

static int take_summary(const bson_t *document, void *user, struct lp_error *err)
{
    const struct summaries *to = user;
    struct summary s = { .name = "" };
    bson_iter_t i;

    if (bson_iter_init_find(&i, document, "_id") && BSON_ITER_HOLDS_UTF8(&i))
        s.name = bson_iter_utf8(&i, NULL);
    s.count = (int64_t)number_at(document, "count");
    s.scored = (int64_t)number_at(document, "n");
    s.mean = number_at(document, "mean");
    s.has_last_score = has_number(document, "lastScore");
    s.last_score = number_at(document, "lastScore");
    if (bson_iter_init_find(&i, document, "last") && BSON_ITER_HOLDS_DATE_TIME(&i))
        s.last_ms = bson_iter_date_time(&i);
    take_trend(document, &s);
    return to->sink(&s, to->user, err);
}

/* Oldest first. points: the score, where it is a number (null < numbers < texts); day: when, in
 * days from now; one: 1 where both are there, else 0. */
static bson_t *summary_projection(void)
{
    return BCON_NEW("activityName", BCON_INT32(1), "createdAt", BCON_INT32(1), "points", "{",
                    "$cond", "[", "{", "$and", "[", "{", "$gt", "[", "$score", BCON_NULL, "]", "}",
                    "{", "$lt", "[", "$score", BCON_UTF8(""), "]", "}", "]", "}", "$score",
                    BCON_NULL, "]", "}", "day", "{", "$divide", "[", "{", "$subtract", "[",
                    "$createdAt", BCON_DATE_TIME(lp_clock_wall_ms()), "]", "}", BCON_DOUBLE(DAY_MS),
                    "]", "}");
}

static bson_t *summary_counter(void)
{
    return BCON_NEW("$addFields", "{", "one", "{", "$cond", "[", "{", "$and", "[", "{", "$gt", "[",
                    "$points", BCON_NULL, "]", "}", "{", "$gt", "[", "$createdAt", BCON_NULL, "]",
                    "}", "]", "}", BCON_INT32(1), BCON_INT32(0), "]", "}", "}");
}

/* Per activity: how many, mean, last, and the sums of the least squares line. */
static bson_t *summary_group(void)
{
    return BCON_NEW("_id", "$activityName", "count", "{", "$sum", BCON_INT32(1), "}", "mean", "{",
                    "$avg", "$points", "}", "last", "{", "$last", "$createdAt", "}", "lastScore",
                    "{", "$last", "$points", "}", "n", "{", "$sum", "$one", "}", "x", "{", "$sum",
                    "{", "$multiply", "[", "$one", "$day", "]", "}", "}", "y", "{", "$sum", "{",
                    "$multiply", "[", "$one", "$points", "]", "}", "}", "xy", "{", "$sum", "{",
                    "$multiply", "[", "$day", "$points", "]", "}", "}", "xx", "{", "$sum", "{",
                    "$multiply", "[", "$day", "{", "$multiply", "[", "$one", "$day", "]", "}", "]",
                    "}", "}");
}

int store_summarize(struct store *s, const char *user_id, store_summary_sink *sink, void *user,
                    struct lp_error *err)
{
    bson_t *projection = summary_projection(), *counter = summary_counter(),
           *group = summary_group();
    auto_bson bson_t pipeline = BSON_INITIALIZER;
    struct summaries to = { sink, user };

    BCON_APPEND(&pipeline, "0", "{", "$match", "{", "userId", BCON_UTF8(user_id), "}", "}", "1",
                "{", "$sort", "{", "createdAt", BCON_INT32(1), "_id", BCON_INT32(1), "}", "}", "2",
                "{", "$project", BCON_DOCUMENT(projection), "}", "3", BCON_DOCUMENT(counter), "4",
                "{", "$group", BCON_DOCUMENT(group), "}", "5", "{", "$sort", "{", "_id",
                BCON_INT32(1), "}", "}", "6", "{", "$limit", BCON_INT32(STORE_SUMMARY), "}");
    bson_destroy(projection);
    bson_destroy(counter);
    bson_destroy(group);
    return aggregate(s, "summary", &pipeline, STORE_SUMMARY, take_summary, &to, err);
}
