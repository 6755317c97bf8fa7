/* lib/base/log_limit.c -- see the header. A table of fixed size under one mutex. */
#include "base/log_limit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

/* `since_ms` is when the first line of the present time was written; a slot whose time is over and
 * that has nothing to tell is free. */
struct slot {
    int64_t since_ms;
    uint64_t lines; /* in this time, left out ones too */
    int level;
    bool used;
    const char *msg;
};

static struct {
    pthread_mutex_t mutex;
    uint64_t kinds[LP_LOG_LIMIT_KINDS];
    struct slot slots[LP_LOG_LIMIT_KINDS];
} table = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static atomic_uint telling; /* slots that have something to tell */

static bool is_over(const struct slot *s, int64_t now_ms)
{
    return now_ms == INT64_MAX || now_ms - s->since_ms >= LP_LOG_LIMIT_MS;
}

/* Empties the slot. */
static void take_locked(struct slot *s, struct lp_log_left_out *ret_told)
{
    ret_told->lines = 0;
    if (s->used && s->lines > LP_LOG_LIMIT_BURST) {
        ret_told->level = s->level;
        ret_told->lines = s->lines - LP_LOG_LIMIT_BURST;
        ret_told->msg = s->msg;
        atomic_fetch_sub(&telling, 1);
    }
    s->used = false;
    s->lines = 0;
}

/* A stranger who finds two texts of one hash reaches no line of another sentence. */
static bool is_of(const struct slot *s, uint64_t kind, int level, const char *msg)
{
    return s->used && table.kinds[s - table.slots] == kind && s->level == level &&
           strcmp(s->msg, msg) == 0;
}

/* Its own slot; else a free one; else the oldest. */
static struct slot *find_locked(uint64_t kind, int level, const char *msg)
{
    size_t best = 0;

    for (size_t i = 0; i < LP_LOG_LIMIT_KINDS; i++) {
        struct slot *s = &table.slots[i];
        const struct slot *b = &table.slots[best];
        if (is_of(s, kind, level, msg))
            return s;
        if (b->used && (!s->used || s->since_ms < b->since_ms))
            best = i;
    }
    return &table.slots[best];
}

static void begin_locked(struct slot *s, uint64_t kind, int level, const char *msg, int64_t now_ms)
{
    table.kinds[s - table.slots] = kind;
    s->used = true;
    s->since_ms = now_ms;
    s->level = level;
    s->msg = msg;
}

bool lp_log_limit_admits(uint64_t kind, int level, const char *msg, int64_t now_ms,
                         struct lp_log_left_out *ret_told)
{
    ret_told->lines = 0;
    pthread_mutex_lock(&table.mutex);
    struct slot *s = find_locked(kind, level, msg);
    if (!is_of(s, kind, level, msg) || is_over(s, now_ms)) {
        take_locked(s, ret_told);
        begin_locked(s, kind, level, msg, now_ms);
    }
    s->lines++;
    bool admitted = s->lines <= LP_LOG_LIMIT_BURST;
    if (s->lines == LP_LOG_LIMIT_BURST + 1)
        atomic_fetch_add(&telling, 1);
    pthread_mutex_unlock(&table.mutex);
    return admitted;
}

bool lp_log_limit_due(int64_t now_ms, struct lp_log_left_out *ret_told)
{
    ret_told->lines = 0;
    if (atomic_load(&telling) == 0)
        return false;
    pthread_mutex_lock(&table.mutex);
    for (size_t i = 0; i < LP_LOG_LIMIT_KINDS && ret_told->lines == 0; i++) {
        struct slot *s = &table.slots[i];
        if (s->used && s->lines > LP_LOG_LIMIT_BURST && is_over(s, now_ms))
            take_locked(s, ret_told);
    }
    pthread_mutex_unlock(&table.mutex);
    return ret_told->lines > 0;
}
