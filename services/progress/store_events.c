/* services/progress/store_events.c -- see the header. What is lost of a mark is told once more, so
 * these writes wait for nobody but the primary. No state. */
#include "services/progress/store_events.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "services/progress/store_parts.h"

#define MOST_COUNT 10000 /* of one category of one activity, as it is taken */

void store_event_done(struct store_event *e)
{
    free(e->user_id);
    free(e->name);
    *e = (struct store_event){ .user_id = NULL };
}

static char *text_of(const bson_t *document, const char *key)
{
    bson_iter_t i;
    bool there = bson_iter_init_find(&i, document, key) && BSON_ITER_HOLDS_UTF8(&i);
    return lp_strdup(there ? bson_iter_utf8(&i, NULL) : "");
}

static void take(const bson_t *document, struct store_event *e)
{
    bson_iter_t i, counts;

    if (bson_iter_init_find(&i, document, "_id") && BSON_ITER_HOLDS_OID(&i))
        bson_oid_copy(bson_iter_oid(&i), &e->id);
    e->user_id = text_of(document, "userId");
    e->name = text_of(document, "activityName");
    if (bson_iter_init_find(&i, document, "createdAt") && BSON_ITER_HOLDS_DATE_TIME(&i))
        e->at_ms = bson_iter_date_time(&i);
    e->has_score = bson_iter_init_find(&i, document, "score") && BSON_ITER_HOLDS_NUMBER(&i);
    if (e->has_score)
        e->score = bson_iter_as_double(&i);
    if (bson_iter_init_find(&i, document, "feedback") && BSON_ITER_HOLDS_DOCUMENT(&i) &&
        bson_iter_recurse(&i, &counts))
        feedback_take(&counts, MOST_COUNT, &e->feedback);
}

static mongoc_find_and_modify_opts_t *take_options(int64_t until_ms)
{
    mongoc_find_and_modify_opts_t *opts = mongoc_find_and_modify_opts_new();
    auto_bson bson_t sort = BSON_INITIALIZER, update = BSON_INITIALIZER;

    BCON_APPEND(&sort, STORE_EVENT_MARK, BCON_INT32(1));
    BCON_APPEND(&update, "$set", "{", STORE_EVENT_MARK, BCON_DATE_TIME(until_ms), "}");
    mongoc_find_and_modify_opts_set_sort(opts, &sort);
    mongoc_find_and_modify_opts_set_update(opts, &update);
    mongoc_find_and_modify_opts_set_max_time_ms(opts, STORE_OPERATION_MS);
    return opts;
}

int store_events_take(struct store *s, int64_t now_ms, int64_t until_ms,
                      struct store_event *ret_event, struct lp_error *err)
{
    auto_operation struct store_operation o = { 0 };
    auto_bson bson_t filter = BSON_INITIALIZER;
    bson_iter_t i;
    bson_t reply;
    bson_error_t e;
    const uint8_t *bytes;
    uint32_t len;
    bson_t document;

    BCON_APPEND(&filter, STORE_EVENT_MARK, "{", "$lte", BCON_DATE_TIME(now_ms), "}");
    int r = store_operation_begin(s, "events_take", &o, err);
    if (r < 0)
        return r;
    mongoc_find_and_modify_opts_t *opts = take_options(until_ms);
    if (!mongoc_collection_find_and_modify_with_opts(o.logs, &filter, opts, &reply, &e)) {
        r = store_failed("events_take", &reply, &e, err);
    } else if (bson_iter_init_find(&i, &reply, "value") && BSON_ITER_HOLDS_DOCUMENT(&i)) {
        bson_iter_document(&i, &len, &bytes);
        if (bson_init_static(&document, bytes, len))
            take(&document, ret_event);
    } else {
        r = lp_error_set(err, LP_E_NOT_FOUND, "no activity is to be told");
    }
    mongoc_find_and_modify_opts_destroy(opts);
    bson_destroy(&reply);
    return r;
}

int store_events_told(struct store *s, const bson_oid_t *id, struct lp_error *err)
{
    auto_operation struct store_operation o = { 0 };
    auto_bson bson_t selector = BSON_INITIALIZER, update = BSON_INITIALIZER;
    bson_t reply;
    bson_error_t e;

    BCON_APPEND(&selector, "_id", BCON_OID(id));
    BCON_APPEND(&update, "$unset", "{", STORE_EVENT_MARK, BCON_INT32(1), "}");
    int r = store_operation_begin(s, "events_told", &o, err);
    if (r < 0)
        return r;
    if (!mongoc_collection_update_one(o.logs, &selector, &update, NULL, &reply, &e))
        r = store_failed("events_told", &reply, &e, err);
    bson_destroy(&reply);
    return r;
}
