/*
 * What lp-progress asks of MongoDB. Each call takes a client from the pool and gives it back.
 *
 * Threads: workers call the store_* functions; `keeper` makes the indexes with growing waits until
 * the database is there, then pings it, and keeps the reason for /readyz under `lock`.
 */
#include "services/progress/store.h"

#include <mongoc/mongoc.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"
#include "metrics/metrics.h"
#include "services/progress/document.h"
#include "work/backoff.h"

#define COLLECTION "activitylogs"
#define SELECTION_MS 3000
#define CONNECT_MS 3000
#define SOCKET_MS 15000
#define OPERATION_MS 10000
#define PING_MS 5000

struct store {
    mongoc_client_pool_t *pool;
    const char *db_name;
    struct lp_stop *stop;
    pthread_t keeper;
    pthread_mutex_t lock;
    char why[128]; /* under lock; "": ready */
    struct lp_metric *up;
    struct lp_metric_family *seconds;
};

/* One operation: a client of the pool, the collection, and when it began. */
struct operation {
    struct store *store;
    const char *name;
    int64_t began_ns;
    mongoc_client_t *client;
    mongoc_collection_t *logs;
};

static void operation_end(struct operation *o)
{
    double seconds = (double)(lp_clock_ns() - o->began_ns) / 1e9;
    lp_metric_observe(lp_metric_with(o->store->seconds, o->name), seconds);
    mongoc_collection_destroy(o->logs);
    mongoc_client_pool_push(o->store->pool, o->client);
}

#define auto_operation __attribute__((cleanup(operation_end)))
#define auto_bson __attribute__((cleanup(bson_destroy)))

static struct operation operation_begin(struct store *s, const char *name)
{
    struct operation o = { .store = s, .name = name, .began_ns = lp_clock_ns() };
    o.client = mongoc_client_pool_pop(s->pool);
    o.logs = mongoc_client_get_collection(o.client, s->db_name, COLLECTION);
    return o;
}

/* The driver's error as ours. */
static int failed(const char *what, const bson_error_t *e, struct lp_error *err)
{
    int code = LP_E_UNAVAILABLE;
    if (e->domain == MONGOC_ERROR_SERVER || e->domain == MONGOC_ERROR_WRITE_CONCERN)
        code = e->code == MONGOC_ERROR_PROTOCOL_ERROR ? LP_E_UNAVAILABLE : LP_E_INVALID;
    if (e->code == 50 || e->domain == MONGOC_ERROR_WRITE_CONCERN) /* MaxTimeMSExpired, wtimeout */
        code = LP_E_TIMEOUT;
    return lp_error_set(err, code, "%s: %s", what, e->message);
}

/* ---- indexes, readiness ---- */

static bool make_indexes(struct store *s, bson_error_t *e)
{
    mongoc_client_t *client = mongoc_client_pool_pop(s->pool);
    mongoc_database_t *db = mongoc_client_get_database(client, s->db_name);
    auto_bson bson_t command = BSON_INITIALIZER;

    BCON_APPEND(&command, "createIndexes", BCON_UTF8(COLLECTION), "indexes", "[", "{", "key", "{",
                "userId", BCON_INT32(1), "createdAt", BCON_INT32(-1), "}", "name",
                BCON_UTF8("userId_1_createdAt_-1"), "}", "{", "key", "{", "userId", BCON_INT32(1),
                "activityName", BCON_INT32(1), "}", "name", BCON_UTF8("userId_1_activityName_1"),
                "}", "]");
    bool made = mongoc_database_write_command_with_opts(db, &command, NULL, NULL, e);
    mongoc_database_destroy(db);
    mongoc_client_pool_push(s->pool, client);
    return made;
}

static bool ping(struct store *s, bson_error_t *e)
{
    mongoc_client_t *client = mongoc_client_pool_pop(s->pool);
    auto_bson bson_t command = BSON_INITIALIZER;

    bson_append_int32(&command, "ping", -1, 1);
    bool there = mongoc_client_command_simple(client, s->db_name, &command, NULL, NULL, e);
    mongoc_client_pool_push(s->pool, client);
    return there;
}

static void set_state(struct store *s, bool up, const bson_error_t *e)
{
    char why[sizeof s->why] = "";

    if (!up)
        snprintf(why, sizeof why, "MongoDB: %s", e->message);
    pthread_mutex_lock(&s->lock);
    bool was_up = s->why[0] == '\0';
    memcpy(s->why, why, sizeof s->why);
    pthread_mutex_unlock(&s->lock);
    lp_metric_set(s->up, up ? 1 : 0);
    if (up && !was_up)
        lp_log_info("database is there", "database", s->db_name);
    else if (!up && was_up)
        lp_log_warn("database is lost", "why", why);
}

static void *keep(void *user)
{
    struct store *s = user;
    struct lp_backoff wait = { .base_ms = 250, .max_ms = 10000 };
    bson_error_t e = { 0 };
    bool indexed = false, up = false;

    do {
        up = indexed ? ping(s, &e) : (indexed = make_indexes(s, &e));
        set_state(s, up, &e);
        if (up)
            lp_backoff_reset(&wait);
    } while (!lp_stop_wait(s->stop, up ? PING_MS : lp_backoff_next(&wait)));
    return NULL;
}

bool store_ready(struct store *s, char why[128])
{
    pthread_mutex_lock(&s->lock);
    memcpy(why, s->why, sizeof s->why);
    pthread_mutex_unlock(&s->lock);
    return why[0] == '\0';
}

/* ---- start and end ---- */

static void default_int(mongoc_uri_t *uri, const char *option, int32_t value)
{
    if (!mongoc_uri_has_option(uri, option))
        mongoc_uri_set_option_as_int32(uri, option, value);
}

/* What the driver has to say about itself is for debugging only. */
static void on_driver_log(mongoc_log_level_t level, const char *domain, const char *text,
                          void *user)
{
    (void)level, (void)user;
    lp_log_debug("driver", "domain", domain, "text", text);
}

static mongoc_client_pool_t *pool_new(const struct config *config, struct lp_error *err)
{
    bson_error_t e;
    mongoc_uri_t *uri = mongoc_uri_new_with_error(config->mongodb_uri, &e);

    if (!uri) {
        lp_error_set(err, LP_E_INVALID, "MONGODB_URI: %s", e.message);
        return NULL;
    }
    default_int(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, SELECTION_MS);
    default_int(uri, MONGOC_URI_CONNECTTIMEOUTMS, CONNECT_MS);
    default_int(uri, MONGOC_URI_SOCKETTIMEOUTMS, SOCKET_MS);
    mongoc_uri_set_option_as_int32(uri, MONGOC_URI_MAXPOOLSIZE,
                                   (int32_t)config->common.concurrency + 1);
    mongoc_client_pool_t *pool = mongoc_client_pool_new_with_error(uri, &e);
    mongoc_uri_destroy(uri);
    if (!pool) {
        lp_error_set(err, LP_E_INVALID, "MONGODB_URI: %s", e.message);
        return NULL;
    }
    mongoc_client_pool_set_error_api(pool, MONGOC_ERROR_API_VERSION_2);
    mongoc_client_pool_set_appname(pool, "lp-progress");
    return pool;
}

int store_new(const struct config *config, struct store **ret_store, struct lp_error *err)
{
    mongoc_log_set_handler(on_driver_log, NULL);
    mongoc_client_pool_t *pool = pool_new(config, err);
    if (!pool)
        return err->code;

    struct store *s = lp_alloc(sizeof *s);
    s->pool = pool;
    s->db_name = config->db_name;
    s->stop = lp_stop_new();
    pthread_mutex_init(&s->lock, NULL);
    snprintf(s->why, sizeof s->why, "MongoDB: not connected yet");
    s->up = lp_metric_single(lp_metric_family(LP_METRIC_GAUGE, "lp_database_up",
                                              "1 while the database answers", "", NULL, 0));
    s->seconds = lp_metric_family(LP_METRIC_HISTOGRAM, "lp_store_seconds",
                                  "Time of operations on the database", "operation",
                                  lp_metrics_seconds, lp_metrics_n_seconds);
    if (pthread_create(&s->keeper, NULL, keep, s) != 0) {
        mongoc_client_pool_destroy(pool);
        lp_stop_free(s->stop);
        free(s);
        return lp_error_set(err, LP_E_UNAVAILABLE, "no thread to watch the database");
    }
    *ret_store = s;
    return 0;
}

void store_free(struct store *s)
{
    if (!s)
        return;
    lp_stop_request(s->stop);
    pthread_join(s->keeper, NULL);
    mongoc_client_pool_destroy(s->pool);
    lp_stop_free(s->stop);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* ---- operations ---- */

static bool append_write_concern(bson_t *opts)
{
    mongoc_write_concern_t *wc = mongoc_write_concern_new();
    mongoc_write_concern_set_wmajority(wc, OPERATION_MS);
    mongoc_write_concern_set_journal(wc, true);
    bool good = mongoc_write_concern_append(wc, opts);
    mongoc_write_concern_destroy(wc);
    return good;
}

int store_add(struct store *s, const struct activity *a, const char *key, struct lp_error *err)
{
    auto_operation struct operation o = operation_begin(s, "add");
    auto_bson bson_t document = BSON_INITIALIZER, opts = BSON_INITIALIZER;
    bson_oid_t id;
    bson_error_t e;

    if (key)
        document_id_of_key(a->user_id, key, &id);
    else
        bson_oid_init(&id, NULL);
    document_of_activity(a, &id, lp_clock_wall_ms(), &document);
    if (!append_write_concern(&opts))
        return lp_error_set(err, LP_E_INTERNAL, "write concern");
    if (mongoc_collection_insert_one(o.logs, &document, &opts, NULL, &e))
        return 0;
    if (key && e.code == MONGOC_ERROR_DUPLICATE_KEY)
        return 0;
    return failed("insert", &e, err);
}

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

int store_list(struct store *s, const char *user_id, const struct page *page, store_sink *sink,
               void *user, struct lp_error *err)
{
    auto_operation struct operation o = operation_begin(s, "list");
    auto_bson bson_t filter = BSON_INITIALIZER, opts = BSON_INITIALIZER;
    const bson_t *document;
    bson_error_t e;
    int r = 0;

    append_filter(&filter, user_id, page);
    BCON_APPEND(&opts, "sort", "{", "createdAt", BCON_INT32(-1), "_id", BCON_INT32(-1), "}",
                "maxTimeMS", BCON_INT64(OPERATION_MS), "limit", BCON_INT64(page->limit));
    mongoc_cursor_t *c = mongoc_collection_find_with_opts(o.logs, &filter, &opts, NULL);
    while (r == 0 && mongoc_cursor_next(c, &document))
        r = sink(document, user, err);
    if (r == 0 && mongoc_cursor_error(c, &e))
        r = failed("find", &e, err);
    mongoc_cursor_destroy(c);
    return r;
}

static int take_place(const bson_t *document, void *user, struct lp_error *err)
{
    struct page *page = user;
    bson_iter_t i;
    (void)err;
    if (bson_iter_init_find(&i, document, "createdAt") && BSON_ITER_HOLDS_DATE_TIME(&i)) {
        page->before_ms = bson_iter_date_time(&i);
        page->after_id = true;
    }
    return 0;
}

int store_place(struct store *s, const char *user_id, const bson_oid_t *id, struct page *page,
                struct lp_error *err)
{
    auto_operation struct operation o = operation_begin(s, "place");
    auto_bson bson_t filter = BSON_INITIALIZER;
    const bson_t *document;
    bson_error_t e;
    int r = 0;

    page->id = *id;
    BCON_APPEND(&filter, "_id", BCON_OID(id), "userId", BCON_UTF8(user_id));
    mongoc_cursor_t *c = mongoc_collection_find_with_opts(o.logs, &filter, NULL, NULL);
    if (mongoc_cursor_next(c, &document))
        r = take_place(document, page, err);
    else if (mongoc_cursor_error(c, &e))
        r = failed("find", &e, err);
    mongoc_cursor_destroy(c);
    if (r == 0 && !page->after_id)
        return lp_error_set(err, LP_E_NOT_FOUND, "before: this learner has no such activity");
    return r;
}

static int take_recommendation(const bson_t *document, struct recommendation *ret,
                               struct lp_error *err)
{
    bson_iter_t i;

    if (!bson_iter_init_find(&i, document, "_id") || !BSON_ITER_HOLDS_UTF8(&i))
        return lp_error_set(err, LP_E_NOT_FOUND, "no scorable activity");
    ret->name = lp_strdup(bson_iter_utf8(&i, NULL));
    if (bson_iter_init_find(&i, document, "averageScore"))
        ret->average = bson_iter_as_double(&i);
    if (bson_iter_init_find(&i, document, "attempts"))
        ret->attempts = bson_iter_as_int64(&i);
    return 0;
}

int store_recommend(struct store *s, const char *user_id, struct recommendation *ret_recommendation,
                    struct lp_error *err)
{
    auto_operation struct operation o = operation_begin(s, "recommend");
    auto_bson bson_t opts = BSON_INITIALIZER;
    const bson_t *document;
    bson_error_t e;
    int r;

    bson_t *pipeline =
        BCON_NEW("pipeline", "[", "{", "$match", "{", "userId", BCON_UTF8(user_id), "score", "{",
                 "$ne", BCON_NULL, "}", "}", "}", "{", "$group", "{", "_id", "$activityName",
                 "averageScore", "{", "$avg", "$score", "}", "attempts", "{", "$sum", BCON_INT32(1),
                 "}", "}", "}", "{", "$match", "{", "averageScore", "{", "$ne", BCON_NULL, "}", "}",
                 "}", "{", "$sort", "{", "averageScore", BCON_INT32(1), "_id", BCON_INT32(1), "}",
                 "}", "{", "$limit", BCON_INT32(1), "}", "]");
    BCON_APPEND(&opts, "maxTimeMS", BCON_INT64(OPERATION_MS));
    mongoc_cursor_t *c =
        mongoc_collection_aggregate(o.logs, MONGOC_QUERY_NONE, pipeline, &opts, NULL);
    if (mongoc_cursor_next(c, &document))
        r = take_recommendation(document, ret_recommendation, err);
    else if (mongoc_cursor_error(c, &e))
        r = failed("aggregate", &e, err);
    else
        r = lp_error_set(err, LP_E_NOT_FOUND, "no scorable activity");
    mongoc_cursor_destroy(c);
    bson_destroy(pipeline);
    return r;
}
