/* lib/service/awaited.c -- a small table of the process, with a mutex. */
#include "service/awaited.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "metrics/metrics.h"

static struct {
    pthread_mutex_t lock;
    unsigned n;
    struct {
        const char *upstream;
        struct lp_metric *metric;
        int64_t until_ms; /* 0: none waits */
    } rows[LP_AWAITED_MAX];
} table = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void publish(void *user)
{
    int64_t now = lp_clock_ms();

    (void)user;
    pthread_mutex_lock(&table.lock);
    for (unsigned i = 0; i < table.n; i++)
        lp_metric_set(table.rows[i].metric, table.rows[i].until_ms > now);
    pthread_mutex_unlock(&table.lock);
}

void lp_awaited_announce(const char *upstream)
{
    struct lp_metric_family *family = lp_metric_family(
        LP_METRIC_GAUGE, "lp_calls_awaiting_upstream",
        "1 where calls of this process that no request waits for found no pod of another service.",
        "upstream", NULL, 0);
    bool first = false, known = false;

    pthread_mutex_lock(&table.lock);
    for (unsigned i = 0; i < table.n; i++)
        known = known || strcmp(table.rows[i].upstream, upstream) == 0;
    if (!known) {
        if (table.n == LP_AWAITED_MAX)
            abort(); /* a program names its upstreams itself */
        first = table.n == 0;
        table.rows[table.n].upstream = upstream;
        table.rows[table.n++].metric = lp_metric_with(family, upstream);
    }
    pthread_mutex_unlock(&table.lock);
    if (first)
        lp_metrics_on_collect(publish, NULL);
}

void lp_awaited_note(const char *upstream, bool answered)
{
    int64_t until = answered ? 0 : lp_clock_ms() + LP_AWAITED_MS;

    pthread_mutex_lock(&table.lock);
    for (unsigned i = 0; i < table.n; i++)
        if (strcmp(table.rows[i].upstream, upstream) == 0)
            table.rows[i].until_ms = until;
    pthread_mutex_unlock(&table.lock);
}
