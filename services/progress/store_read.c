/* services/progress/store_read.c -- lists of activities, in batches of bounded size, and how
 * many there are. No state. */
#include "services/progress/store_parts.h"

/* A batch is whole in memory, and the protocol counts documents: as many are asked for as the
 * largest of late would make this much. One of ours has 67 kB at most. */
#define BATCH_BYTES ((size_t)512 * 1024)
#define BATCH_MOST ((size_t)32)
#define BATCH_FIRST 8

/* userId, and what is older than the page's start. */
static void append_filter(bson_t *filter, const char *user_id, const struct page *page)
{
    BCON_APPEND(filter, "userId", BCON_UTF8(user_id));
    if (page->after_id)
        BCON_APPEND(filter, "$or", "[", "{", "createdAt", "{", "$lt",
                    BCON_DATE_TIME(page->before_ms), "}", "}", "{", "createdAt",
                    BCON_DATE_TIME(page->before_ms), "_id", "{", "$lt", BCON_OID(&page->id), "}",
                    "}", "]");
    else if (page->before_ms > 0)
        BCON_APPEND(filter, "createdAt", "{", "$lt", BCON_DATE_TIME(page->before_ms), "}");
}

/* The next batch by the documents so far; what was large counts less with each that follows. */
static void set_batch(mongoc_cursor_t *c, size_t len, size_t *largest)
{
    *largest -= *largest / 8;
    if (len > *largest)
        *largest = len;
    size_t n = *largest > 0 ? BATCH_BYTES / *largest : BATCH_MOST;
    uint32_t batch = (uint32_t)(n < 1 ? 1 : n > BATCH_MOST ? BATCH_MOST : n);
    if (batch != mongoc_cursor_get_batch_size(c))
        mongoc_cursor_set_batch_size(c, batch);
}

int store_list(struct store *s, const char *user_id, const struct page *page, store_sink *sink,
               void *user, struct lp_error *err)
{
    auto_operation struct store_operation o = { 0 };
    auto_bson bson_t filter = BSON_INITIALIZER, opts = BSON_INITIALIZER;
    const bson_t *document;
    size_t largest = 0;

    append_filter(&filter, user_id, page);
    BCON_APPEND(&opts, "sort", "{", "createdAt", BCON_INT32(-1), "_id", BCON_INT32(-1), "}",
                "maxTimeMS", BCON_INT64(STORE_OPERATION_MS), "limit", BCON_INT64(page->limit),
                "batchSize", BCON_INT64(BATCH_FIRST), "projection", "{", STORE_EVENT_MARK,
                BCON_INT32(0), "}");
    int r = store_operation_begin(s, "list", &o, err);
    if (r < 0)
        return r;
    mongoc_cursor_t *c = mongoc_collection_find_with_opts(o.logs, &filter, &opts, NULL);
    while (r == 0 && mongoc_cursor_next(c, &document)) {
        set_batch(c, document->len, &largest);
        r = sink(document, user, err);
    }
    if (r == 0)
        r = store_cursor_result("find", c, err);
    mongoc_cursor_destroy(c);
    return r;
}

static void take_place(const bson_t *document, struct page *page)
{
    bson_iter_t i;

    if (bson_iter_init_find(&i, document, "createdAt") && BSON_ITER_HOLDS_DATE_TIME(&i)) {
        page->before_ms = bson_iter_date_time(&i);
        page->after_id = true;
    }
}

int store_place(struct store *s, const char *user_id, const bson_oid_t *id, struct page *page,
                struct lp_error *err)
{
    auto_operation struct store_operation o = { 0 };
    auto_bson bson_t filter = BSON_INITIALIZER, opts = BSON_INITIALIZER;
    const bson_t *document;

    page->id = *id;
    BCON_APPEND(&filter, "_id", BCON_OID(id), "userId", BCON_UTF8(user_id));
    BCON_APPEND(&opts, "maxTimeMS", BCON_INT64(STORE_OPERATION_MS), "limit", BCON_INT64(1));
    int r = store_operation_begin(s, "place", &o, err);
    if (r < 0)
        return r;
    mongoc_cursor_t *c = mongoc_collection_find_with_opts(o.logs, &filter, &opts, NULL);
    if (mongoc_cursor_next(c, &document))
        take_place(document, page);
    else
        r = store_cursor_result("find", c, err);
    mongoc_cursor_destroy(c);
    if (r == 0 && !page->after_id)
        return lp_error_set(err, LP_E_NOT_FOUND, "before: this learner has no such activity");
    return r;
}

int store_count(struct store *s, const char *user_id, int64_t most, int64_t *ret_n,
                struct lp_error *err)
{
    auto_operation struct store_operation o = { 0 };
    auto_bson bson_t filter = BSON_INITIALIZER, opts = BSON_INITIALIZER;
    bson_error_t e;
    bson_t reply;

    BCON_APPEND(&filter, "userId", BCON_UTF8(user_id));
    BCON_APPEND(&opts, "limit", BCON_INT64(most), "maxTimeMS", BCON_INT64(STORE_OPERATION_MS));
    int r = store_operation_begin(s, "count", &o, err);
    if (r < 0)
        return r;
    int64_t n = mongoc_collection_count_documents(o.logs, &filter, &opts, NULL, &reply, &e);
    if (n < 0)
        r = store_failed("count", &reply, &e, err);
    else
        *ret_n = n;
    bson_destroy(&reply);
    return r;
}
