/*
 * services/gateway/endpoints.c -- one thread and getaddrinfo(). The thread and the gateway each
 * hold one reference: a look-up cannot be broken off, so the thread may outlive the gateway for as
 * long as one takes.
 */
#include "services/gateway/endpoints.h"

#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"

#define AGAIN_MS 5000
#define RETRY_MS 1000

struct name {
    char *host, *port;
    bool numeric;
    bool may_be_empty; /* that it has no address is no failure */
    atomic_bool asked; /* since the last look-up */
    _Atomic uint64_t version;
    int64_t due;               /* of the next look-up where asked; the thread's */
    struct endpoint_list list; /* under the lock */
};

struct endpoints {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;                   /* under the lock */
    unsigned refs;               /* under the lock */
    void (*changed)(void *user); /* under the lock: not called after the stop */
    void *user;
    struct name names[GATEWAY_MAX_UPSTREAMS];
    size_t n;
};

static void release(struct endpoints *e)
{
    pthread_mutex_lock(&e->lock);
    bool last = --e->refs == 0;
    pthread_mutex_unlock(&e->lock);
    if (!last)
        return;
    for (size_t i = 0; i < e->n; i++) {
        free(e->names[i].host);
        free(e->names[i].port);
    }
    pthread_mutex_destroy(&e->lock);
    pthread_cond_destroy(&e->wake);
    free(e);
}

/* The name is there, or not, and has no address now. */
static bool is_empty(int result)
{
    return result == EAI_NONAME || result == EAI_NODATA;
}

/* Fills the list from one look-up; false where there is no answer. */
static bool look_up(const struct name *name, int flags, struct endpoint_list *ret)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags }, *found = NULL;

    ret->n = 0;
    int r = getaddrinfo(name->host, name->port, &hints, &found);
    if (r != 0)
        return is_empty(r) && name->may_be_empty && flags == 0;
    for (const struct addrinfo *a = found; a && ret->n < ENDPOINTS_MAX; a = a->ai_next) {
        if (a->ai_addrlen <= sizeof(union endpoint)) {
            union endpoint *to = &ret->list[ret->n++];
            memset(to, 0, sizeof *to);
            memcpy(to, a->ai_addr, a->ai_addrlen);
        }
    }
    freeaddrinfo(found);
    return true;
}

static bool same(const struct endpoint_list *a, const struct endpoint_list *b)
{
    return a->n == b->n && memcmp(a->list, b->list, a->n * sizeof a->list[0]) == 0;
}

/* A failed look-up leaves what is known; where nothing is, it tells that there is none. */
static void publish(struct endpoints *e, struct name *name, bool good,
                    const struct endpoint_list *found)
{
    pthread_mutex_lock(&e->lock);
    bool first = name->list.version == 0;
    if (first || (good && !same(&name->list, found))) {
        uint64_t version = name->list.version + 1;
        if (good)
            name->list = *found;
        name->list.version = version;
        atomic_store(&name->version, version);
        if (!e->stop)
            e->changed(e->user); /* writes to an eventfd only */
    }
    pthread_mutex_unlock(&e->lock);
}

static void refresh(struct endpoints *e, struct name *name)
{
    struct endpoint_list found = { .n = 0 };
    bool good = look_up(name, 0, &found);

    if (!good)
        lp_log_warn("no address of an upstream", "host", name->host);
    publish(e, name, good, &found);
    name->due = lp_clock_ms() + (good && found.n > 0 ? AGAIN_MS : RETRY_MS);
}

/* A second, or until the stop. */
static bool wait_for_work(struct endpoints *e)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += RETRY_MS / 1000;
    pthread_mutex_lock(&e->lock);
    if (!e->stop)
        pthread_cond_timedwait(&e->wake, &e->lock, &until);
    bool goes_on = !e->stop;
    pthread_mutex_unlock(&e->lock);
    return goes_on;
}

static void *endpoints_run(void *user)
{
    struct endpoints *e = user;

    do {
        for (size_t i = 0; i < e->n; i++) {
            struct name *name = &e->names[i];
            if (!name->numeric && lp_clock_ms() >= name->due &&
                (name->due == 0 || atomic_exchange(&name->asked, false)))
                refresh(e, name);
        }
    } while (wait_for_work(e));
    release(e);
    return NULL;
}

static void add_name(struct endpoints *e, const struct gateway_upstream *u)
{
    struct name *name = &e->names[e->n++];

    name->host = lp_strdup(u->host);
    name->port = lp_sprintf("%u", u->port);
    name->may_be_empty = u->holds;
    name->numeric = look_up(name, AI_NUMERICHOST | AI_NUMERICSERV, &name->list);
    if (name->numeric) {
        name->list.version = 1;
        atomic_store(&name->version, 1);
    }
}

int endpoints_new(const struct gateway_routes *routes, void (*changed)(void *user), void *user,
                  struct endpoints **ret_endpoints, struct lp_error *err)
{
    struct endpoints *e = lp_alloc(sizeof *e);
    pthread_condattr_t clock;
    pthread_attr_t detached;
    pthread_t thread;

    pthread_mutex_init(&e->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&e->wake, &clock);
    pthread_condattr_destroy(&clock);
    e->refs = 2;
    e->changed = changed;
    e->user = user;
    for (size_t i = 0; i < routes->n; i++)
        add_name(e, &routes->upstreams[i]);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    int r = pthread_create(&thread, &detached, endpoints_run, e);
    pthread_attr_destroy(&detached);
    if (r != 0) {
        release(e);
        release(e);
        return lp_error_set(err, LP_E_UNAVAILABLE, "gateway: no thread for look-ups");
    }
    *ret_endpoints = e;
    return 0;
}

void endpoints_stop(struct endpoints *e)
{
    pthread_mutex_lock(&e->lock);
    e->stop = true;
    pthread_cond_signal(&e->wake);
    pthread_mutex_unlock(&e->lock);
}

void endpoints_free(struct endpoints *e)
{
    if (!e)
        return;
    endpoints_stop(e);
    release(e);
}

bool endpoints_update(struct endpoints *e, size_t i, struct endpoint_list *io_list)
{
    struct name *name = &e->names[i];

    if (!name->numeric)
        atomic_store_explicit(&name->asked, true, memory_order_relaxed);
    if (atomic_load(&name->version) == io_list->version)
        return false;
    pthread_mutex_lock(&e->lock);
    *io_list = name->list;
    pthread_mutex_unlock(&e->lock);
    return true;
}
