/* lib/base/heartbeat.c -- a list of the threads' own records under one mutex, which only a begin,
 * an end and a probe take; a beat writes two atomics of its thread. */
#include "base/heartbeat.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"

struct beat {
    struct beat *next;
    char name[16];
    int64_t limit_ms;
    atomic_int_least64_t last_ms, due_ms; /* due: when the next one must have come */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct beat *first;
static _Thread_local struct beat own;
static _Thread_local bool begun;

void lp_heartbeat_begin(const char *name, int64_t limit_ms)
{
    if (begun)
        return;
    begun = true;
    snprintf(own.name, sizeof own.name, "%s", name);
    own.limit_ms = limit_ms;
    lp_heartbeat();
    pthread_mutex_lock(&lock);
    own.next = first;
    first = &own;
    pthread_mutex_unlock(&lock);
}

void lp_heartbeat_end(void)
{
    if (!begun)
        return;
    pthread_mutex_lock(&lock);
    struct beat **at = &first;
    while (*at != &own)
        at = &(*at)->next;
    *at = own.next;
    pthread_mutex_unlock(&lock);
    begun = false;
}

void lp_heartbeat_wait(int64_t ms)
{
    if (!begun)
        return;
    int64_t now = lp_clock_ms();
    bool ends = ms < INT64_MAX - now - own.limit_ms;
    atomic_store(&own.last_ms, now);
    atomic_store(&own.due_ms, ends ? now + ms + own.limit_ms : INT64_MAX);
}

void lp_heartbeat(void)
{
    lp_heartbeat_wait(0);
}

bool lp_heartbeats_good(char *why, size_t room)
{
    int64_t now = lp_clock_ms();
    bool good = true;

    pthread_mutex_lock(&lock);
    for (const struct beat *b = first; b && good; b = b->next) {
        good = now <= atomic_load(&b->due_ms);
        if (!good)
            snprintf(why, room, "thread %s has not moved for %lld s, its limit is %lld s", b->name,
                     (long long)(now - atomic_load(&b->last_ms)) / 1000,
                     (long long)b->limit_ms / 1000);
    }
    pthread_mutex_unlock(&lock);
    return good;
}
