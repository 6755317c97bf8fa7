/*
 * services/progress/store_days.c -- days of activityrollupdays. No state.
 *
 * What keeps a day equal to its hours, though these are counted again at any time by any pod, those
 * of versions that know of no days too: 1. the day is opened under a name of its own, 2. its hours
 * are marked as being in it, 3. they are read, 4. the day is written where it is still open under
 * that name. An hour that is counted after 2 has lost its mark, one that is deleted is missing in
 * the number that the day was made from, and whoever is killed leaves the day open: each of them
 * makes the day due.
 */
#include "services/progress/store_days.h"

#include "base/alloc.h"
#include "services/progress/day_document.h"
#include "services/progress/rollup_document.h"
#include "services/progress/store_parts.h"
#include "services/progress/store_rollup.h"

#define UPSERTS 2 /* a second one where another pod made the day meanwhile */
#define NONE INT64_MAX

/* ---- which are due ---- */

/* The hours of one day after the other; `ahead_ms` is one of the next, which the cursor gave
 * already. */
struct hours {
    mongoc_cursor_t *cursor;
    int64_t ahead_ms, day_ms, n; /* NONE: the end */
    bool ahead_in, all_in;       /* the day's document */
};

struct days {
    mongoc_cursor_t *cursor;
    int64_t day_ms, n;
    bool open;
};

static int64_t date_of(const bson_t *document)
{
    bson_iter_t i;

    return bson_iter_init_find(&i, document, "_id") && BSON_ITER_HOLDS_DATE_TIME(&i)
               ? bson_iter_date_time(&i)
               : NONE;
}

static void look_ahead(struct hours *h)
{
    const bson_t *document;
    bson_iter_t i, in;

    h->ahead_ms = NONE;
    if (!mongoc_cursor_next(h->cursor, &document))
        return;
    h->ahead_ms = date_of(document);
    h->ahead_in = bson_iter_init(&i, document) && bson_iter_find_descendant(&i, "o.d", &in);
}

static void next_of_hours(struct hours *h)
{
    h->day_ms = h->ahead_ms == NONE ? NONE : day_begin(h->ahead_ms);
    h->all_in = true;
    for (h->n = 0; h->ahead_ms != NONE && day_begin(h->ahead_ms) == h->day_ms; h->n++) {
        h->all_in = h->all_in && h->ahead_in;
        look_ahead(h);
    }
}

static void next_of_days(struct days *d)
{
    const bson_t *document;
    bson_iter_t i;

    d->day_ms = NONE;
    if (!mongoc_cursor_next(d->cursor, &document))
        return;
    d->day_ms = date_of(document);
    d->open = bson_iter_init_find(&i, document, "open");
    d->n = bson_iter_init_find(&i, document, "h") ? rollup_document_count(&i) : 0;
}

/* All before `before_ms`, oldest first, with these members. */
static mongoc_cursor_t *all_of(struct store_operation *o, enum store_rollups of, int64_t before_ms,
                               const char *a, const char *b)
{
    auto_bson bson_t filter = BSON_INITIALIZER, opts = BSON_INITIALIZER;

    BCON_APPEND(&filter, "_id", "{", "$gte", BCON_DATE_TIME(0), "$lt", BCON_DATE_TIME(before_ms),
                "}");
    BCON_APPEND(&opts, "projection", "{", a, BCON_INT32(1), b, BCON_INT32(1), "}", "sort", "{",
                "_id", BCON_INT32(1), "}", "maxTimeMS", BCON_INT64(STORE_OPERATION_MS), "batchSize",
                BCON_INT64(1000));
    return mongoc_collection_find_with_opts(store_operation_rollups(o, of), &filter, &opts, NULL);
}

static size_t compare(struct hours *h, struct days *d, size_t most, int64_t *ret_days)
{
    size_t n = 0;

    look_ahead(h);
    next_of_hours(h);
    next_of_days(d);
    while (n < most) {
        int64_t day = h->day_ms < d->day_ms ? h->day_ms : d->day_ms;
        if (day == NONE)
            break;
        if (h->day_ms != d->day_ms || !h->all_in || d->open || h->n != d->n)
            ret_days[n++] = day;
        if (d->day_ms == day)
            next_of_days(d);
        if (h->day_ms == day)
            next_of_hours(h);
    }
    return n;
}

int store_days_due(struct store *s, int64_t before_ms, size_t most, int64_t *ret_days,
                   size_t *ret_n, struct lp_error *err)
{
    auto_operation struct store_operation o = { 0 };

    int r = store_operation_begin(s, "days_due", &o, err);
    if (r < 0)
        return r;
    struct hours h = { .cursor = all_of(&o, STORE_HOURS, before_ms, "_id", "o.d") };
    struct days d = { .cursor = all_of(&o, STORE_DAYS, before_ms, "h", "open") };
    size_t n = compare(&h, &d, most, ret_days);
    r = store_cursor_result("days_due", h.cursor, err);
    if (r == 0)
        r = store_cursor_result("days_due", d.cursor, err);
    mongoc_cursor_destroy(h.cursor);
    mongoc_cursor_destroy(d.cursor);
    if (r == 0)
        *ret_n = n;
    return r;
}

/* ---- one is made ---- */

static int open_day(struct store *s, int64_t day_ms, const bson_oid_t *name, bool make,
                    struct lp_error *err)
{
    auto_bson bson_t selector = BSON_INITIALIZER, update = BSON_INITIALIZER;
    int r = LP_E_EXISTS;

    BCON_APPEND(&selector, "_id", BCON_DATE_TIME(day_ms));
    BCON_APPEND(&update, "$set", "{", "open", BCON_OID(name), "}");
    for (int n = 0; n < UPSERTS && r == LP_E_EXISTS; n++)
        r = store_rollup_change(s, STORE_DAYS, "day_open", &selector, &update, make, NULL, err);
    return r == LP_E_EXISTS ? lp_error_set(err, LP_E_UNAVAILABLE, "day_open: it came twice") : r;
}

static int mark_hours(struct store *s, const int64_t hours[DAY_HOURS], struct lp_error *err)
{
    auto_bson bson_t selector = BSON_INITIALIZER, update = BSON_INITIALIZER;

    store_rollup_append_ids(&selector, hours, DAY_HOURS);
    BCON_APPEND(&update, "$set", "{", "o.d", BCON_BOOL(true), "}");
    return store_rollup_change(s, STORE_HOURS, "day_mark", &selector, &update, false, NULL, err);
}

static int add_hour(const struct rollup *hour, void *user, struct lp_error *err)
{
    (void)err;
    day_add(user, hour);
    return 0;
}

/* Nothing where another has opened it since. */
static int close_day(struct store *s, struct day *d, const bson_oid_t *name, struct lp_error *err)
{
    auto_bson bson_t selector = BSON_INITIALIZER, update = BSON_INITIALIZER;

    BCON_APPEND(&selector, "_id", BCON_DATE_TIME(d->day_ms), "open", BCON_OID(name));
    if (d->hours == 0)
        return store_rollup_delete(s, STORE_DAYS, "day_close", &selector, err);
    day_finish(d);
    day_document_set(d, &update);
    return store_rollup_change(s, STORE_DAYS, "day_close", &selector, &update, false, NULL, err);
}

int store_days_make(struct store *s, int64_t day_ms, struct lp_error *err)
{
    lp_auto_free struct day *d = day_new(day_ms, DAY_TABLE);
    int64_t hours[DAY_HOURS];
    bson_oid_t name;

    for (size_t i = 0; i < DAY_HOURS; i++)
        hours[i] = day_ms + (int64_t)i * ROLLUP_HOUR_MS;
    bson_oid_init(&name, NULL);
    int r = open_day(s, day_ms, &name, true, err);
    if (r == 0)
        r = mark_hours(s, hours, err);
    if (r == 0)
        r = store_rollup_read(s, hours, DAY_HOURS, add_hour, d, err);
    return r == 0 ? close_day(s, d, &name, err) : r;
}

/* ---- they are read, and deleted ---- */

int store_days_read(struct store *s, const int64_t *days, size_t n, store_day_sink *sink,
                    void *user, struct lp_error *err)
{
    auto_operation struct store_operation o = { 0 };
    auto_bson bson_t filter = BSON_INITIALIZER, opts = BSON_INITIALIZER;
    lp_auto_free struct day *day = day_new(0, DAY_NAMES);
    const bson_t *document;
    bool open;

    if (n == 0)
        return 0;
    store_rollup_append_ids(&filter, days, n);
    BCON_APPEND(&opts, "maxTimeMS", BCON_INT64(STORE_OPERATION_MS), "batchSize", BCON_INT64(500));
    int r = store_operation_begin(s, "days", &o, err);
    if (r < 0)
        return r;
    mongoc_cursor_t *c = mongoc_collection_find_with_opts(store_operation_rollups(&o, STORE_DAYS),
                                                          &filter, &opts, NULL);
    while (r == 0 && mongoc_cursor_next(c, &document))
        if (day_document_read(document, day, &open))
            r = sink(day, open, user, err);
    if (r == 0)
        r = store_cursor_result("days", c, err);
    mongoc_cursor_destroy(c);
    return r;
}

int store_days_purge(struct store *s, int64_t before_ms, struct lp_error *err)
{
    auto_bson bson_t selector = BSON_INITIALIZER;
    bson_oid_t name;

    BCON_APPEND(&selector, "_id", "{", "$lte", BCON_DATE_TIME(before_ms - DAY_MS), "}");
    int r = store_rollup_delete(s, STORE_DAYS, "day_purge", &selector, err);
    if (r < 0 || before_ms < 0)
        return r;
    bson_oid_init(&name, NULL);
    return open_day(s, day_begin(before_ms), &name, false, err);
}
