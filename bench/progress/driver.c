/* bench/progress/driver.c -- what mongo-c-driver alone takes for the three calls of lp-progress
 * that have a goal: one client, the same commands, a millisecond between two of them as between two
 * requests of the benchmark (in a tight loop caches stay warm, and a call takes half as much). The
 * process's whole CPU counts. Prints a line for each turn of 50: name and CPU in us per call.
 *   driver URI USER CALLS     USER: whose five activities are listed */
#include <mongoc/mongoc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TURN 50

struct bench {
    mongoc_collection_t *logs;
    bson_t *insert_opts, *find_opts, *find_filter, *aggregate;
};

typedef bool call(struct bench *b);

static bool insert(struct bench *b)
{
    bson_t document = BSON_INITIALIZER, reply;
    bson_error_t e;
    bson_oid_t id;

    bson_oid_init(&id, NULL);
    BCON_APPEND(&document, "_id", BCON_OID(&id), "userId", "driver", "activityName", "Reading",
                "activityDuration", BCON_INT32(300), "score", BCON_INT32(60), "createdAt",
                BCON_DATE_TIME(time(NULL) * 1000LL), "updatedAt",
                BCON_DATE_TIME(time(NULL) * 1000LL), "__v", BCON_INT32(0));
    bool good = mongoc_collection_insert_one(b->logs, &document, b->insert_opts, &reply, &e);
    bson_destroy(&reply);
    bson_destroy(&document);
    return good;
}

static bool list(struct bench *b)
{
    const bson_t *document;
    bson_error_t e;
    int n = 0;

    mongoc_cursor_t *c =
        mongoc_collection_find_with_opts(b->logs, b->find_filter, b->find_opts, NULL);
    while (mongoc_cursor_next(c, &document))
        n++;
    bool good = !mongoc_cursor_error(c, &e) && n == 5;
    mongoc_cursor_destroy(c);
    return good;
}

static bool recommend(struct bench *b)
{
    bson_error_t e;
    bson_t reply;

    bool good =
        mongoc_collection_read_command_with_opts(b->logs, b->aggregate, NULL, NULL, &reply, &e);
    bson_destroy(&reply);
    return good;
}

static double cpu_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static bool measure(struct bench *b, const char *name, call *of, long calls)
{
    for (long turn = -1; turn < calls / TURN; turn++) { /* the first one warms up */
        double begin = cpu_us();
        for (int i = 0; i < TURN; i++) {
            nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
            if (!of(b))
                return false;
        }
        if (turn >= 0)
            printf("%s\t%.1f\n", name, (cpu_us() - begin) / TURN);
    }
    return true;
}

static void make(struct bench *b, const char *user)
{
    mongoc_write_concern_t *wc = mongoc_write_concern_new();

    mongoc_write_concern_set_wmajority(wc, 5000);
    mongoc_write_concern_set_journal(wc, true);
    b->insert_opts = BCON_NEW("validate", BCON_BOOL(false));
    mongoc_write_concern_append(wc, b->insert_opts);
    mongoc_write_concern_destroy(wc);
    b->find_filter = BCON_NEW("userId", user);
    b->find_opts =
        BCON_NEW("sort", "{", "createdAt", BCON_INT32(-1), "_id", BCON_INT32(-1), "}", "maxTimeMS",
                 BCON_INT64(5000), "limit", BCON_INT64(0), "batchSize", BCON_INT64(8));
    b->aggregate =
        BCON_NEW("aggregate", mongoc_collection_get_name(b->logs), "pipeline", "[", "{", "$match",
                 "{", "userId", user, "}", "}", "{", "$group", "{", "_id", "$activityName",
                 "averageScore", "{", "$avg", "$score", "}", "attempts", "{", "$sum", BCON_INT32(1),
                 "}", "}", "}", "{", "$sort", "{", "averageScore", BCON_INT32(1), "_id",
                 BCON_INT32(1), "}", "}", "{", "$limit", BCON_INT32(1), "}", "]", "cursor", "{",
                 "batchSize", BCON_INT32(2), "}", "maxTimeMS", BCON_INT64(5000));
}

int main(int argc, char **argv)
{
    long calls = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
    if (calls < TURN) {
        fprintf(stderr, "usage: driver URI USER CALLS (at least %d)\n", TURN);
        return 2;
    }
    mongoc_init();
    mongoc_uri_t *uri = mongoc_uri_new(argv[1]);
    mongoc_client_pool_t *pool = uri ? mongoc_client_pool_new(uri) : NULL;
    if (!pool) {
        fprintf(stderr, "driver: %s is no MongoDB URI\n", argv[1]);
        return 2;
    }
    mongoc_client_t *client = mongoc_client_pool_pop(pool);
    struct bench b = { .logs = mongoc_client_get_collection(client, "progress", "activitylogs") };
    make(&b, argv[2]);
    bool good = measure(&b, "log", insert, calls) && measure(&b, "list of 5", list, calls) &&
                measure(&b, "recommendation of 5", recommend, calls);
    if (!good)
        fprintf(stderr, "driver: the database refused a call\n");
    bson_destroy(b.insert_opts);
    bson_destroy(b.find_opts);
    bson_destroy(b.find_filter);
    bson_destroy(b.aggregate);
    mongoc_collection_destroy(b.logs);
    mongoc_client_pool_push(pool, client);
    mongoc_client_pool_destroy(pool);
    mongoc_uri_destroy(uri);
    mongoc_cleanup();
    return good ? 0 : 1;
}
