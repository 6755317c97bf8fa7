/* services/progress/store_recount.c -- how far hours were counted from the activities, and which
 * are to be counted again. No state. */
#include "services/progress/store_parts.h"
#include "services/progress/store_rollup.h"

#define STATE "state" /* the _id of the document {until, days, claimed} */

/* The first document of a filter, or nothing: *ret_a and *ret_b are dates of it, 0 where there is
 * none. */
static int find_dates(struct store *s, const char *name, const bson_t *filter, const char *a,
                      int64_t *ret_a, const char *b, int64_t *ret_b, struct lp_error *err)
{
    auto_operation struct store_operation o = { 0 };
    auto_bson bson_t opts = BSON_INITIALIZER;
    const bson_t *document;
    bson_iter_t i;

    *ret_a = *ret_b = 0;
    BCON_APPEND(&opts, "maxTimeMS", BCON_INT64(STORE_OPERATION_MS), "limit", BCON_INT64(1));
    int r = store_operation_begin(s, name, &o, err);
    if (r < 0)
        return r;
    mongoc_cursor_t *c = mongoc_collection_find_with_opts(store_operation_rollups(&o, STORE_HOURS),
                                                          filter, &opts, NULL);
    if (mongoc_cursor_next(c, &document)) {
        if (bson_iter_init_find(&i, document, a) && BSON_ITER_HOLDS_DATE_TIME(&i))
            *ret_a = bson_iter_date_time(&i);
        if (bson_iter_init_find(&i, document, b) && BSON_ITER_HOLDS_DATE_TIME(&i))
            *ret_b = bson_iter_date_time(&i);
    } else {
        r = store_cursor_result(name, c, err);
    }
    mongoc_cursor_destroy(c);
    return r;
}

int store_rollup_until(struct store *s, int64_t *ret_until_ms, int64_t *ret_days_ms,
                       struct lp_error *err)
{
    auto_bson bson_t filter = BSON_INITIALIZER;

    BCON_APPEND(&filter, "_id", BCON_UTF8(STATE));
    return find_dates(s, "rollup_until", &filter, "until", ret_until_ms, "days", ret_days_ms, err);
}

static int set_date(struct store *s, const char *name, const char *member, int64_t ms,
                    struct lp_error *err)
{
    auto_bson bson_t selector = BSON_INITIALIZER, update = BSON_INITIALIZER;

    BCON_APPEND(&selector, "_id", BCON_UTF8(STATE));
    BCON_APPEND(&update, "$set", "{", member, BCON_DATE_TIME(ms), "}");
    return store_rollup_change(s, STORE_HOURS, name, &selector, &update, true, NULL, err);
}

int store_rollup_set_until(struct store *s, int64_t until_ms, struct lp_error *err)
{
    return set_date(s, "rollup_set_until", "until", until_ms, err);
}

int store_rollup_set_days(struct store *s, int64_t days_ms, struct lp_error *err)
{
    return set_date(s, "rollup_set_days", "days", days_ms, err);
}

int store_rollup_claim(struct store *s, int64_t now_ms, int64_t until_ms, bool *ret_claimed,
                       struct lp_error *err)
{
    auto_bson bson_t selector = BSON_INITIALIZER, update = BSON_INITIALIZER;
    int64_t n = 0;

    BCON_APPEND(&selector, "_id", BCON_UTF8(STATE), "claimed", "{", "$not", "{", "$gt",
                BCON_DATE_TIME(now_ms), "}", "}");
    BCON_APPEND(&update, "$set", "{", "claimed", BCON_DATE_TIME(until_ms), "}");
    int r = store_rollup_change(s, STORE_HOURS, "rollup_claim", &selector, &update, true, &n, err);
    if (r == LP_E_EXISTS) /* another pod has it */
        r = 0;
    *ret_claimed = n > 0;
    return r;
}

int store_rollup_unclaim(struct store *s, int64_t until_ms, struct lp_error *err)
{
    auto_bson bson_t selector = BSON_INITIALIZER, update = BSON_INITIALIZER;

    BCON_APPEND(&selector, "_id", BCON_UTF8(STATE), "claimed", BCON_DATE_TIME(until_ms));
    BCON_APPEND(&update, "$unset", "{", "claimed", BCON_INT32(1), "}");
    return store_rollup_change(s, STORE_HOURS, "rollup_unclaim", &selector, &update, false, NULL,
                               err);
}

int store_rollup_marked(struct store *s, int64_t now_ms, int64_t until_ms, int64_t *ret_hour_ms,
                        int64_t *ret_mark_ms, struct lp_error *err)
{
    auto_bson bson_t filter = BSON_INITIALIZER;

    BCON_APPEND(&filter, "redo", "{", "$lte", BCON_DATE_TIME(now_ms), "}", "_id", "{", "$lt",
                BCON_DATE_TIME(until_ms), "}");
    int r = find_dates(s, "rollup_marked", &filter, "_id", ret_hour_ms, "redo", ret_mark_ms, err);
    if (r == 0 && *ret_mark_ms == 0)
        *ret_hour_ms = -1;
    return r;
}

int store_rollup_unmark(struct store *s, int64_t hour_ms, int64_t mark_ms, bool empty,
                        struct lp_error *err)
{
    auto_bson bson_t selector = BSON_INITIALIZER, update = BSON_INITIALIZER;

    BCON_APPEND(&selector, "_id", BCON_DATE_TIME(hour_ms), "redo", BCON_DATE_TIME(mark_ms));
    if (empty)
        return store_rollup_delete(s, STORE_HOURS, "rollup_unmark", &selector, err);
    BCON_APPEND(&update, "$unset", "{", "redo", BCON_INT32(1), "}");
    return store_rollup_change(s, STORE_HOURS, "rollup_unmark", &selector, &update, false, NULL,
                               err);
}
