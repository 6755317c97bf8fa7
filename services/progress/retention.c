/* services/progress/retention.c -- one thread, which meets others in the store alone. */
#include "services/progress/retention.h"

#include <pthread.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"
#include "services/progress/store_days.h"
#include "services/progress/store_rollup.h"

#define ROUND_MS (3600LL * 1000)
#define AGAIN_MS 5000 /* after a failure: the database may not be there yet */

struct retention {
    struct store *store;
    int64_t days;
    struct lp_stop *stop;
    pthread_t thread;
};

/* `again`: the time before failed too, which was told. */
static bool purge(struct retention *r, bool again)
{
    struct lp_error err;
    char count[24];
    int64_t n = 0;
    int64_t before_ms = lp_clock_wall_ms() - r->days * DAY_MS;

    int result = store_purge(r->store, before_ms, &n, &err);
    if (result == 0)
        result = store_rollup_purge(r->store, before_ms, &err);
    if (result == 0)
        result = store_days_purge(r->store, before_ms, &err);
    if (result < 0) {
        if (!again)
            lp_log_warn("old activities are not deleted, tried again every 5 s", "error", err.msg);
        return false;
    }
    snprintf(count, sizeof count, "%lld", (long long)n);
    if (n > 0)
        lp_log_info("old activities were deleted", "activities", count);
    return true;
}

static void *retention_run(void *user)
{
    struct retention *r = user;
    bool done = true;

    do {
        done = purge(r, !done);
    } while (!lp_stop_wait(r->stop, done ? ROUND_MS : AGAIN_MS));
    return NULL;
}

int retention_new(struct store *store, int64_t days, struct retention **ret_retention,
                  struct lp_error *err)
{
    *ret_retention = NULL;
    if (days == 0)
        return 0;
    struct retention *r = lp_alloc(sizeof *r);
    r->store = store;
    r->days = days;
    r->stop = lp_stop_new();
    if (pthread_create(&r->thread, NULL, retention_run, r) != 0) {
        lp_stop_free(r->stop);
        free(r);
        return lp_error_set(err, LP_E_UNAVAILABLE, "no thread that deletes what is old");
    }
    *ret_retention = r;
    return 0;
}

void retention_free(struct retention *r)
{
    if (!r)
        return;
    lp_stop_request(r->stop);
    pthread_join(r->thread, NULL);
    lp_stop_free(r->stop);
    free(r);
}
