/* services/progress/store_rollup.c -- hours of activityrollups. No state. */
#include "services/progress/store_rollup.h"

#include <math.h>
#include <stdio.h>

#include "services/progress/rollup_document.h"
#include "services/progress/store_parts.h"

#define UPSERTS 2 /* a second one where another pod made the hour meanwhile */

/* w: 1 whatever the URI says: what is lost here is counted again. */
static bool append_light_concern(bson_t *opts)
{
    mongoc_write_concern_t *wc = mongoc_write_concern_new();
    mongoc_write_concern_set_w(wc, 1);
    bool good = mongoc_write_concern_append(wc, opts);
    mongoc_write_concern_destroy(wc);
    return good;
}

void store_rollup_append_ids(bson_t *filter, const int64_t *ids, size_t n)
{
    bson_t in, array;
    char key[24];

    bson_append_document_begin(filter, "_id", -1, &in);
    bson_append_array_begin(&in, "$in", -1, &array);
    for (size_t i = 0; i < n; i++) {
        snprintf(key, sizeof key, "%zu", i);
        bson_append_date_time(&array, key, -1, ids[i]);
    }
    bson_append_array_end(&in, &array);
    bson_append_document_end(filter, &in);
}

int store_rollup_change(struct store *s, enum store_rollups of, const char *name,
                        const bson_t *selector, const bson_t *update, bool upsert, int64_t *ret_n,
                        struct lp_error *err)
{
    auto_operation struct store_operation o = { 0 };
    auto_bson bson_t opts = BSON_INITIALIZER;
    bson_t reply;
    bson_error_t e;
    bson_iter_t i;

    if (!append_light_concern(&opts))
        return lp_error_set(err, LP_E_INTERNAL, "write concern");
    bson_append_bool(&opts, "upsert", -1, upsert);
    int r = store_operation_begin(s, name, &o, err);
    if (r < 0)
        return r;
    if (!mongoc_collection_update_many(store_operation_rollups(&o, of), selector, update, &opts,
                                       &reply, &e))
        r = e.domain == MONGOC_ERROR_SERVER && e.code == MONGOC_ERROR_DUPLICATE_KEY
                ? lp_error_set(err, LP_E_EXISTS, "%s: it is there", name)
                : store_failed(name, &reply, &e, err);
    if (r == 0 && ret_n) {
        *ret_n = 0;
        for (int n = 0; n < 2; n++)
            if (bson_iter_init_find(&i, &reply, n ? "upsertedCount" : "matchedCount"))
                *ret_n += bson_iter_as_int64(&i);
    }
    bson_destroy(&reply);
    return r;
}

int store_rollup_add(struct store *s, const struct rollup *r, struct lp_error *err)
{
    auto_bson bson_t selector = BSON_INITIALIZER, update = BSON_INITIALIZER;
    int code = LP_E_EXISTS;

    BCON_APPEND(&selector, "_id", BCON_DATE_TIME(r->hour_ms), "final", "{", "$ne", BCON_BOOL(true),
                "}");
    rollup_document_add(r, &update);
    if (bson_empty(&update))
        return 0;
    for (int n = 0; n < UPSERTS && code == LP_E_EXISTS; n++)
        code =
            store_rollup_change(s, STORE_HOURS, "rollup_add", &selector, &update, true, NULL, err);
    return code == LP_E_EXISTS ? 0 : code; /* counted for good */
}

int store_rollup_put(struct store *s, const struct rollup *r, struct lp_error *err)
{
    auto_bson bson_t selector = BSON_INITIALIZER, update = BSON_INITIALIZER;
    int code = LP_E_EXISTS;

    BCON_APPEND(&selector, "_id", BCON_DATE_TIME(r->hour_ms));
    rollup_document_set(r, &update);
    for (int n = 0; n < UPSERTS && code == LP_E_EXISTS; n++)
        code =
            store_rollup_change(s, STORE_HOURS, "rollup_put", &selector, &update, true, NULL, err);
    return code == LP_E_EXISTS ? lp_error_set(err, LP_E_CONFLICT, "rollup_put: it is there twice")
                               : code;
}

int store_rollup_delete(struct store *s, enum store_rollups of, const char *name,
                        const bson_t *selector, struct lp_error *err)
{
    auto_operation struct store_operation o = { 0 };
    auto_bson bson_t opts = BSON_INITIALIZER;
    bson_t reply;
    bson_error_t e;

    if (!append_light_concern(&opts))
        return lp_error_set(err, LP_E_INTERNAL, "write concern");
    int r = store_operation_begin(s, name, &o, err);
    if (r < 0)
        return r;
    if (!mongoc_collection_delete_many(store_operation_rollups(&o, of), selector, &opts, &reply,
                                       &e))
        r = store_failed(name, &reply, &e, err);
    bson_destroy(&reply);
    return r;
}

int store_rollup_clear(struct store *s, int64_t from_ms, int64_t to_ms, struct lp_error *err)
{
    auto_bson bson_t selector = BSON_INITIALIZER;

    BCON_APPEND(&selector, "_id", "{", "$gte", BCON_DATE_TIME(from_ms), "$lt",
                BCON_DATE_TIME(to_ms), "}", "final", "{", "$ne", BCON_BOOL(true), "}", "redo", "{",
                "$exists", BCON_BOOL(false), "}");
    return store_rollup_delete(s, STORE_HOURS, "rollup_clear", &selector, err);
}

int store_rollup_purge(struct store *s, int64_t before_ms, struct lp_error *err)
{
    auto_bson bson_t selector = BSON_INITIALIZER;

    BCON_APPEND(&selector, "_id", "{", "$lte", BCON_DATE_TIME(before_ms - ROLLUP_HOUR_MS), "}");
    return store_rollup_delete(s, STORE_HOURS, "rollup_purge", &selector, err);
}

int store_rollup_read(struct store *s, const int64_t *hours, size_t n, store_rollup_sink *sink,
                      void *user, struct lp_error *err)
{
    auto_operation struct store_operation o = { 0 };
    auto_bson bson_t filter = BSON_INITIALIZER, opts = BSON_INITIALIZER;
    const bson_t *document;
    struct rollup hour;

    if (n == 0)
        return 0;
    store_rollup_append_ids(&filter, hours, n);
    BCON_APPEND(&opts, "maxTimeMS", BCON_INT64(STORE_OPERATION_MS), "batchSize", BCON_INT64(500));
    int r = store_operation_begin(s, "rollups", &o, err);
    if (r < 0)
        return r;
    mongoc_cursor_t *c = mongoc_collection_find_with_opts(store_operation_rollups(&o, STORE_HOURS),
                                                          &filter, &opts, NULL);
    while (r == 0 && mongoc_cursor_next(c, &document))
        if (rollup_document_read(document, &hour))
            r = sink(&hour, user, err);
    if (r == 0)
        r = store_cursor_result("rollups", c, err);
    mongoc_cursor_destroy(c);
    return r;
}

/* ---- activities ---- */

/* `ret` borrows `feedback`. */
static bool take_activity(const bson_t *document, struct rollup_activity *ret,
                          struct feedback *feedback)
{
    bson_iter_t i, counts;

    *ret = (struct rollup_activity){ .feedback = feedback };
    *feedback = (struct feedback){ 0 };
    if (bson_iter_init_find(&i, document, "feedback") && BSON_ITER_HOLDS_DOCUMENT(&i) &&
        bson_iter_recurse(&i, &counts))
        feedback_take(&counts, FEEDBACK_COUNT, feedback);
    if (bson_iter_init_find(&i, document, "userId") && BSON_ITER_HOLDS_UTF8(&i))
        ret->user_id = bson_iter_utf8(&i, NULL);
    if (bson_iter_init_find(&i, document, "activityName") && BSON_ITER_HOLDS_UTF8(&i))
        ret->name = bson_iter_utf8(&i, NULL);
    if (bson_iter_init_find(&i, document, "score") &&
        (BSON_ITER_HOLDS_DOUBLE(&i) || BSON_ITER_HOLDS_INT(&i))) {
        ret->score = bson_iter_as_double(&i);
        ret->has_score = isfinite(ret->score);
    }
    if (!bson_iter_init_find(&i, document, "createdAt") || !BSON_ITER_HOLDS_DATE_TIME(&i))
        return false;
    ret->at_ms = bson_iter_date_time(&i);
    return ret->user_id && ret->name && ret->at_ms >= 0;
}

static int each_activity(struct store *s, const char *name, const bson_t *filter, int64_t most,
                         store_activity_sink *sink, void *user, int64_t *ret_read,
                         struct lp_error *err)
{
    auto_operation struct store_operation o = { 0 };
    auto_bson bson_t opts = BSON_INITIALIZER;
    const bson_t *document;
    struct rollup_activity a;
    struct feedback feedback;
    int64_t read = 0;

    BCON_APPEND(&opts, "projection", "{", "userId", BCON_INT32(1), "activityName", BCON_INT32(1),
                "score", BCON_INT32(1), "feedback", BCON_INT32(1), "createdAt", BCON_INT32(1), "}",
                "sort", "{", "createdAt", BCON_INT32(1), "}", "maxTimeMS",
                BCON_INT64(STORE_OPERATION_MS), "batchSize", BCON_INT64(500), "limit",
                BCON_INT64(most));
    int r = store_operation_begin(s, name, &o, err);
    if (r < 0)
        return r;
    mongoc_read_prefs_t *primary = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);
    mongoc_cursor_t *c = mongoc_collection_find_with_opts(o.logs, filter, &opts, primary);
    for (; r == 0 && mongoc_cursor_next(c, &document); read++)
        if (take_activity(document, &a, &feedback))
            r = sink(&a, user, err);
    if (r == 0)
        r = store_cursor_result(name, c, err);
    mongoc_cursor_destroy(c);
    mongoc_read_prefs_destroy(primary);
    if (r == 0 && ret_read)
        *ret_read = read;
    return r;
}

int store_rollup_activities(struct store *s, int64_t from_ms, int64_t to_ms, int64_t most,
                            store_activity_sink *sink, void *user, int64_t *ret_read,
                            struct lp_error *err)
{
    auto_bson bson_t filter = BSON_INITIALIZER;

    BCON_APPEND(&filter, "createdAt", "{", "$gte", BCON_DATE_TIME(from_ms), "$lt",
                BCON_DATE_TIME(to_ms), "}");
    return each_activity(s, "rollup_activities", &filter, most, sink, user, ret_read, err);
}

/* ---- marks ---- */

#define MARKS 500 /* hours in one update */

struct marks {
    struct store *store;
    int64_t at_ms, hours[MARKS];
    size_t n;
};

/* The answer of the database to all marks at once. LP_E_EXISTS: another made one of the hours
 * meanwhile. */
static int execute(mongoc_bulk_operation_t *bulk, struct lp_error *err)
{
    bson_error_t e;
    bson_t reply;
    int r = 0;

    if (mongoc_bulk_operation_execute(bulk, &reply, &e) == 0)
        r = e.domain == MONGOC_ERROR_SERVER && e.code == MONGOC_ERROR_DUPLICATE_KEY
                ? lp_error_set(err, LP_E_EXISTS, "rollup_mark: it is there")
                : store_failed("rollup_mark", &reply, &e, err);
    bson_destroy(&reply);
    return r;
}

static int try_marks(const struct marks *m, struct lp_error *err)
{
    auto_operation struct store_operation o = { 0 };
    auto_bson bson_t opts = BSON_INITIALIZER, update = BSON_INITIALIZER, upsert = BSON_INITIALIZER;

    BCON_APPEND(&update, "$set", "{", "redo", BCON_DATE_TIME(m->at_ms), "}");
    bson_append_bool(&upsert, "upsert", -1, true);
    bson_append_bool(&opts, "ordered", -1, false);
    if (!append_light_concern(&opts))
        return lp_error_set(err, LP_E_INTERNAL, "write concern");
    int r = store_operation_begin(m->store, "rollup_mark", &o, err);
    if (r < 0)
        return r;
    mongoc_bulk_operation_t *bulk = mongoc_collection_create_bulk_operation_with_opts(
        store_operation_rollups(&o, STORE_HOURS), &opts);
    for (size_t i = 0; i < m->n; i++) {
        auto_bson bson_t selector = BSON_INITIALIZER;
        bson_append_date_time(&selector, "_id", -1, m->hours[i]);
        if (!mongoc_bulk_operation_update_one_with_opts(bulk, &selector, &update, &upsert, NULL))
            r = lp_error_set(err, LP_E_INTERNAL, "rollup_mark: no such update");
    }
    if (r == 0)
        r = execute(bulk, err);
    mongoc_bulk_operation_destroy(bulk);
    return r;
}

/* Where an hour has no document yet, one with a mark alone is made: whoever is counting that hour
 * from the activities may have read those that go now. */
static int write_marks(struct marks *m, struct lp_error *err)
{
    int r = LP_E_EXISTS;

    for (int n = 0; n < UPSERTS && r == LP_E_EXISTS; n++)
        r = try_marks(m, err);
    m->n = 0;
    return r == LP_E_EXISTS
               ? lp_error_set(err, LP_E_UNAVAILABLE, "rollup_mark: hours came meanwhile, twice")
               : r;
}

static int mark(const struct rollup_activity *a, void *user, struct lp_error *err)
{
    struct marks *m = user;
    int64_t hour = rollup_hour(a->at_ms);

    if (m->n > 0 && m->hours[m->n - 1] == hour)
        return 0;
    int r = m->n == MARKS ? write_marks(m, err) : 0;
    m->hours[m->n++] = hour;
    return r;
}

int store_rollup_mark(struct store *s, const char *user_id, int64_t at_ms, struct lp_error *err)
{
    struct marks m = { .store = s, .at_ms = at_ms };
    auto_bson bson_t filter = BSON_INITIALIZER;

    BCON_APPEND(&filter, "userId", BCON_UTF8(user_id));
    int r = each_activity(s, "rollup_hours", &filter, 0, mark, &m, NULL, err);
    return r == 0 && m.n > 0 ? write_marks(&m, err) : r;
}

int store_rollup_release(struct store *s, int64_t at_ms, int64_t now_ms, struct lp_error *err)
{
    auto_bson bson_t selector = BSON_INITIALIZER, update = BSON_INITIALIZER;

    BCON_APPEND(&selector, "redo", BCON_DATE_TIME(at_ms));
    BCON_APPEND(&update, "$set", "{", "redo", BCON_DATE_TIME(now_ms), "}");
    return store_rollup_change(s, STORE_HOURS, "rollup_release", &selector, &update, false, NULL,
                               err);
}
