/*
 * services/progress/store_write.c -- what changes the collection. Each write waits for a majority
 * of the replica set and its journal, so that what was answered is not lost. No state.
 */
#include <pthread.h>

#include "base/clock.h"
#include "services/progress/document.h"
#include "services/progress/store_parts.h"
#include "services/progress/store_rollup.h"

/* After an end amid an erasure, its hours are counted again so much later: what was deleted has
 * gone by then. */
#define ERASE_MS (10 * 60000LL)
#define INSERTS 2 /* a second one where an election took the first away */

static bool append_write_concern(bson_t *opts)
{
    mongoc_write_concern_t *wc = mongoc_write_concern_new();
    mongoc_write_concern_set_wmajority(wc, STORE_OPERATION_MS);
    mongoc_write_concern_set_journal(wc, true);
    bool good = mongoc_write_concern_append(wc, opts);
    mongoc_write_concern_destroy(wc);
    return good;
}

/* Of every activity the same, so made once. NULL: the driver refuses it. */
static bson_t *add_opts;

static void make_add_opts(void)
{
    bson_t *opts = bson_new();

    bson_append_bool(opts, "validate", -1, false); /* keys are ours, texts came as UTF-8 */
    if (append_write_concern(opts))
        add_opts = opts;
    else
        bson_destroy(opts);
}

/* *ret_there: a document with this id is there already. */
static int insert(const struct store_operation *o, const bson_t *document, const bson_t *opts,
                  bool *ret_there, struct lp_error *err)
{
    bson_t reply;
    bson_error_t e;
    int r = 0;

    *ret_there = false;
    if (!mongoc_collection_insert_one(o->logs, document, opts, &reply, &e)) {
        *ret_there = e.domain == MONGOC_ERROR_SERVER && e.code == MONGOC_ERROR_DUPLICATE_KEY;
        r = store_failed("insert", &reply, &e, err);
    }
    bson_destroy(&reply);
    return r;
}

/*
 * Waits until a majority has the document that is there: an update that changes nothing waits for
 * the write concern as one that does. *ret_there: whether it still is.
 */
static int confirm(const struct store_operation *o, const bson_oid_t *id, const bson_t *opts,
                   bool *ret_there, struct lp_error *err)
{
    auto_bson bson_t selector = BSON_INITIALIZER, update = BSON_INITIALIZER;
    bson_iter_t i;
    bson_t reply;
    bson_error_t e;
    int r = 0;

    *ret_there = false;
    BCON_APPEND(&selector, "_id", BCON_OID(id));
    BCON_APPEND(&update, "$setOnInsert", "{", "__v", BCON_INT32(0), "}");
    if (!mongoc_collection_update_one(o->logs, &selector, &update, opts, &reply, &e))
        r = store_failed("confirm", &reply, &e, err);
    else if (bson_iter_init_find(&i, &reply, "matchedCount"))
        *ret_there = bson_iter_as_int64(&i) > 0;
    bson_destroy(&reply);
    return r;
}

/* By the unique _id: at most one of all deliveries with this id is stored. *ret_there: it was. */
static int insert_once(const struct store_operation *o, const bson_oid_t *id,
                       const bson_t *document, const bson_t *opts, bool *ret_there,
                       struct lp_error *err)
{
    for (int n = 0; n < INSERTS; n++) {
        int r = insert(o, document, opts, ret_there, err);
        if (r == 0 || !*ret_there)
            return r;
        r = confirm(o, id, opts, ret_there, err);
        if (r < 0 || *ret_there)
            return r;
    }
    return lp_error_set(err, LP_E_UNAVAILABLE, "insert: what was there was taken back twice");
}

int store_add(struct store *s, const struct activity *a, const char *key, int64_t *ret_at_ms,
              struct lp_error *err)
{
    auto_operation struct store_operation o = { 0 };
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    auto_bson bson_t document = BSON_INITIALIZER;
    int64_t now_ms = lp_clock_wall_ms();
    bson_oid_t id;
    bool there;

    if (key)
        document_id_of_key(a->user_id, key, &id);
    else
        bson_oid_init(&id, NULL);
    document_of_activity(a, &id, now_ms, &document);
    if (store_tells(s) && (a->has_score || a->feedback.n > 0))
        bson_append_date_time(&document, STORE_EVENT_MARK, -1, now_ms);
    pthread_once(&once, make_add_opts);
    if (!add_opts)
        return lp_error_set(err, LP_E_INTERNAL, "write concern");
    int r = store_operation_begin(s, "add", &o, err);
    if (r < 0)
        return r;
    r = key ? insert_once(&o, &id, &document, add_opts, &there, err)
            : insert(&o, &document, add_opts, &there, err);
    if (r == 0)
        *ret_at_ms = there ? 0 : now_ms;
    return r;
}

static int delete_many(struct store *s, const char *name, const bson_t *selector, int64_t *ret_n,
                       struct lp_error *err)
{
    auto_operation struct store_operation o = { 0 };
    auto_bson bson_t opts = BSON_INITIALIZER;
    bson_iter_t i;
    bson_t reply;
    bson_error_t e;

    if (!append_write_concern(&opts))
        return lp_error_set(err, LP_E_INTERNAL, "write concern");
    int r = store_operation_begin(s, name, &o, err);
    if (r < 0)
        return r;
    if (!mongoc_collection_delete_many(o.logs, selector, &opts, &reply, &e))
        r = store_failed("delete", &reply, &e, err);
    else if (bson_iter_init_find(&i, &reply, "deletedCount"))
        *ret_n = bson_iter_as_int64(&i);
    bson_destroy(&reply);
    return r;
}

int store_erase(struct store *s, const char *user_id, int64_t *ret_n, struct lp_error *err)
{
    auto_bson bson_t selector = BSON_INITIALIZER;

    int64_t now_ms = lp_clock_wall_ms(), again_ms = now_ms + ERASE_MS;
    BCON_APPEND(&selector, "userId", BCON_UTF8(user_id));
    int r = store_rollup_mark(s, user_id, again_ms, err);
    if (r == 0)
        r = delete_many(s, "erase", &selector, ret_n, err);
    return r == 0 ? store_rollup_release(s, again_ms, now_ms, err) : r;
}

int store_purge(struct store *s, int64_t before_ms, int64_t *ret_n, struct lp_error *err)
{
    auto_bson bson_t selector = BSON_INITIALIZER;

    BCON_APPEND(&selector, "createdAt", "{", "$lt", BCON_DATE_TIME(before_ms), "}");
    return delete_many(s, "purge", &selector, ret_n, err);
}
