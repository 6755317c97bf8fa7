/*
 * services/progress/store.c -- the connections to MongoDB, and whether it answers. Each operation
 * takes a client of the pool and gives it back.
 *
 * Threads: workers call the store_* functions; `keeper` makes the indexes with growing waits until
 * the database is there, then pings it, and keeps the reason for /readyz under `lock`.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"
#include "metrics/metrics.h"
#include "services/progress/store_parts.h"
#include "work/backoff.h"

#define COLLECTION "activitylogs"
#define ROLLUPS "activityrollups"
#define DAYS "activityrollupdays"
#define SELECTION_MS 3000
#define CONNECT_MS 3000
#define SOCKET_MS 15000
#define PING_MS 5000

/* A client of the pool and its collections, kept from one operation to the next, so that they are
 * not made for each; who comes next has the connection that was used last. */
struct store_seat {
    struct store_seat *next; /* of those that are free */
    mongoc_client_t *client;
    mongoc_collection_t *logs, *rollups[STORE_ROLLUPS]; /* rollups: NULL until asked for */
};

struct store {
    mongoc_client_pool_t *pool;
    struct store_seat *seats; /* free ones; as this and what follows under `lock` */
    unsigned made, most;      /* seats in all: as many as the pool has clients */
    pthread_cond_t one_free;
    const char *db_name;
    bool tells; /* new activities are marked, store_events.h */
    struct lp_stop *stop;
    pthread_t keeper;
    pthread_mutex_t lock;
    char why[128];    /* under lock; "": ready */
    atomic_bool lost; /* nobody answers there: operations need not wait to find out */
    struct lp_metric *up;
    struct lp_metric_family *seconds;
};

static void give_seat(struct store *s, struct store_seat *seat)
{
    pthread_mutex_lock(&s->lock);
    seat->next = s->seats;
    s->seats = seat;
    pthread_cond_signal(&s->one_free);
    pthread_mutex_unlock(&s->lock);
}

void store_operation_end(struct store_operation *o)
{
    if (!o->store)
        return;
    double seconds = (double)(lp_clock_ns() - o->began_ns) / 1e9;
    lp_metric_observe(lp_metric_with(o->store->seconds, o->name), seconds);
    give_seat(o->store, o->seat);
}

/* Waits while all are in use, as the pool itself would: operations have time-outs. */
static struct store_seat *take_seat(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    while (!s->seats && s->made == s->most)
        pthread_cond_wait(&s->one_free, &s->lock);
    struct store_seat *seat = s->seats;
    if (seat)
        s->seats = seat->next;
    else
        s->made++;
    pthread_mutex_unlock(&s->lock);
    if (seat)
        return seat;
    seat = lp_alloc(sizeof *seat);
    seat->client = mongoc_client_pool_pop(s->pool);
    seat->logs = mongoc_client_get_collection(seat->client, s->db_name, COLLECTION);
    return seat;
}

static void free_seats(struct store *s)
{
    while (s->seats) {
        struct store_seat *seat = s->seats;
        s->seats = seat->next;
        mongoc_collection_destroy(seat->logs);
        for (size_t i = 0; i < STORE_ROLLUPS; i++)
            if (seat->rollups[i])
                mongoc_collection_destroy(seat->rollups[i]);
        mongoc_client_pool_push(s->pool, seat->client);
        free(seat);
    }
}

int store_operation_begin(struct store *s, const char *name, struct store_operation *ret,
                          struct lp_error *err)
{
    if (atomic_load(&s->lost))
        return lp_error_set(err, LP_E_UNAVAILABLE, "%s: the database does not answer", name);
    ret->store = s;
    ret->name = name;
    ret->began_ns = lp_clock_ns();
    ret->seat = take_seat(s);
    ret->logs = ret->seat->logs;
    return 0;
}

static void ask_primary(mongoc_collection_t *c)
{
    mongoc_read_prefs_t *primary = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);

    mongoc_collection_set_read_prefs(c, primary);
    mongoc_read_prefs_destroy(primary);
}

mongoc_collection_t *store_operation_rollups(struct store_operation *o, enum store_rollups of)
{
    struct store_seat *seat = o->seat;

    if (!seat->rollups[of]) {
        seat->rollups[of] = mongoc_client_get_collection(seat->client, o->store->db_name,
                                                         of == STORE_DAYS ? DAYS : ROLLUPS);
        ask_primary(seat->rollups[of]);
    }
    return seat->rollups[of];
}

/* ---- indexes, readiness ---- */

#define auto_bson __attribute__((cleanup(bson_destroy)))

bool store_tells(const struct store *s)
{
    return s->tells;
}

/* Of the marked ones only. */
static bool make_event_index(const struct store *s, mongoc_database_t *db, bson_error_t *e)
{
    auto_bson bson_t command = BSON_INITIALIZER;

    BCON_APPEND(&command, "createIndexes", BCON_UTF8(COLLECTION), "indexes", "[", "{", "key", "{",
                STORE_EVENT_MARK, BCON_INT32(1), "}", "name", BCON_UTF8(STORE_EVENT_MARK "_1"),
                "sparse", BCON_BOOL(true), "}", "]");
    return !s->tells || mongoc_database_write_command_with_opts(db, &command, NULL, NULL, e);
}

static bool make_indexes(struct store *s, bson_error_t *e)
{
    struct store_seat *seat = take_seat(s);
    mongoc_database_t *db = mongoc_client_get_database(seat->client, s->db_name);
    auto_bson bson_t command = BSON_INITIALIZER, marks = BSON_INITIALIZER;

    BCON_APPEND(&command, "createIndexes", BCON_UTF8(COLLECTION), "indexes", "[", "{", "key", "{",
                "userId", BCON_INT32(1), "createdAt", BCON_INT32(-1), "}", "name",
                BCON_UTF8("userId_1_createdAt_-1"), "}", "{", "key", "{", "userId", BCON_INT32(1),
                "activityName", BCON_INT32(1), "}", "name", BCON_UTF8("userId_1_activityName_1"),
                "}", "{", "key", "{", "createdAt", BCON_INT32(1), "}", "name",
                BCON_UTF8("createdAt_1"), "}", "]");
    BCON_APPEND(&marks, "createIndexes", BCON_UTF8(ROLLUPS), "indexes", "[", "{", "key", "{",
                "redo", BCON_INT32(1), "}", "name", BCON_UTF8("redo_1"), "sparse", BCON_BOOL(true),
                "}", "]");
    bool made = mongoc_database_write_command_with_opts(db, &command, NULL, NULL, e) &&
                mongoc_database_write_command_with_opts(db, &marks, NULL, NULL, e) &&
                make_event_index(s, db, e);
    mongoc_database_destroy(db);
    give_seat(s, seat);
    return made;
}

static bool ping(struct store *s, bson_error_t *e)
{
    struct store_seat *seat = take_seat(s);
    auto_bson bson_t command = BSON_INITIALIZER;

    bson_append_int32(&command, "ping", -1, 1);
    bool there = mongoc_client_command_simple(seat->client, s->db_name, &command, NULL, NULL, e);
    give_seat(s, seat);
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

static void *store_run(void *user)
{
    struct store *s = user;
    struct lp_backoff wait = { .base_ms = 250, .max_ms = 2000 };
    bson_error_t e = { 0 };
    bool indexed = false, up = false;

    do {
        up = indexed ? ping(s, &e) : (indexed = make_indexes(s, &e));
        atomic_store(&s->lost, !up && e.domain == MONGOC_ERROR_SERVER_SELECTION);
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

/* Who has operations: the workers, keeper, retention, tally, recount (two), feed. */
static unsigned clients_of(const struct config *config)
{
    return (unsigned)config->common.concurrency + 6;
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
    mongoc_uri_set_option_as_int32(uri, MONGOC_URI_MAXPOOLSIZE, (int32_t)clients_of(config));
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
    s->tells = config->learning_url && config->learning_url[0];
    s->stop = lp_stop_new();
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->one_free, NULL);
    s->most = clients_of(config);
    snprintf(s->why, sizeof s->why, "MongoDB: not connected yet");
    s->up = lp_metric_single(lp_metric_family(LP_METRIC_GAUGE, "lp_database_up",
                                              "1 while the database answers", "", NULL, 0));
    s->seconds = lp_metric_family(LP_METRIC_HISTOGRAM, "lp_store_seconds",
                                  "Time of operations on the database", "operation",
                                  lp_metrics_seconds, lp_metrics_n_seconds);
    if (pthread_create(&s->keeper, NULL, store_run, s) != 0) {
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
    free_seats(s);
    mongoc_client_pool_destroy(s->pool);
    lp_stop_free(s->stop);
    pthread_cond_destroy(&s->one_free);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
