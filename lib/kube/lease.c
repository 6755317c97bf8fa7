/* lib/kube/lease.c -- the thread behind lp_lease: it reads the Lease, waits until it is free or has
 * not changed for its duration by our own clock, writes itself in, and from then on writes in time.
 * Every write carries the resourceVersion that was read, so that of two candidates one gets a
 * conflict. */
#include "kube/lease.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/heartbeat.h"
#include "base/log.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "metrics/metrics.h"
#include "work/backoff.h"

#define STACK_BYTES (1 << 20)
#define RELEASE_MS 2000

struct lp_lease {
    pthread_t thread;
    struct lp_kube_config *config;
    struct lp_kube_client *client;
    struct lp_stop *stop;
    char *ns, *name, *identity;
    int64_t duration_ms, renew_ms, retry_ms;
    struct lp_lease_options call; /* the callbacks of it */
    struct lp_metric *leads;
    atomic_int_least64_t renewed_ms; /* when our last write of it began; 0: we do not hold it */

    /* The thread's, and after it lp_lease_join's. */
    json_t *seen;       /* the Lease as last read or written */
    int64_t changed_ms; /* when `seen` last differed from the one before */
};

static const char *holder_of(const json_t *lease)
{
    const char *holder = lp_json_str(lease, "spec", "holderIdentity", NULL);
    return holder ? holder : "";
}

static bool is_ours(const struct lp_lease *l)
{
    return strcmp(holder_of(l->seen), l->identity) == 0;
}

/* Takes over one reference of `lease`. */
static void lease_observe(struct lp_lease *l, json_t *lease)
{
    const char *before = lp_json_str(l->seen, "metadata", "resourceVersion", NULL);
    const char *now = lp_json_str(lease, "metadata", "resourceVersion", NULL);

    if (!before || !now || strcmp(before, now) != 0)
        l->changed_ms = lp_clock_ms();
    json_decref(l->seen);
    l->seen = lease;
}

static int heard(struct lp_lease *l, int r)
{
    if (l->call.on_answer && r != LP_E_TIMEOUT && r != LP_E_UNAVAILABLE && r != LP_E_CANCELED)
        l->call.on_answer(l->call.user);
    return r;
}

/* The Lease that we write: what was read, with ourselves in it. Released, nobody holds it and it is
 * over in 1 s. */
static json_t *make_lease(const struct lp_lease *l, bool release)
{
    char now[LP_CLOCK_TEXT];
    const char *acquired = lp_json_str(l->seen, "spec", "acquireTime", NULL);
    int64_t transitions = lp_json_int(0, l->seen, "spec", "leaseTransitions", NULL);

    lp_clock_format(lp_clock_wall_ms(), 6, now);
    if (!is_ours(l)) {
        acquired = NULL;
        transitions += l->seen != NULL;
    }
    json_t *lease = lp_json_make(
        "{s:s, s:s, s:{s:s, s:s}, s:{s:I, s:s, s:s, s:I}}", "apiVersion", "coordination.k8s.io/v1",
        "kind", "Lease", "metadata", "name", l->name, "namespace", l->ns, "spec",
        "leaseDurationSeconds", (json_int_t)(release ? 1 : (l->duration_ms + 999) / 1000),
        "renewTime", now, "acquireTime", acquired && !release ? acquired : now, "leaseTransitions",
        (json_int_t)transitions);
    if (!release)
        lp_json_set_str(json_object_get(lease, "spec"), "holderIdentity", l->identity);
    lp_json_set_str(json_object_get(lease, "metadata"), "resourceVersion",
                    lp_json_str(l->seen, "metadata", "resourceVersion", NULL));
    return lease;
}

static int write_lease(struct lp_lease *l, struct lp_kube_client *client, bool release,
                       struct lp_error *err)
{
    json_auto_t *lease = make_lease(l, release);
    json_t *answer = NULL;

    int r = l->seen ? lp_kube_update(client, &lp_kube_leases, NULL, lease, &answer, err)
                    : lp_kube_create(client, &lp_kube_leases, lease, &answer, err);
    if (r == 0)
        lease_observe(l, answer);
    return heard(l, r);
}

static int read_lease(struct lp_lease *l, struct lp_kube_client *client, struct lp_error *err)
{
    json_t *lease = NULL;
    int r = heard(l, lp_kube_get(client, &lp_kube_leases, l->ns, l->name, &lease, err));

    if (r == LP_E_NOT_FOUND) {
        json_decref(l->seen);
        l->seen = NULL;
        return 0;
    }
    if (r == 0)
        lease_observe(l, lease);
    return r;
}

/* True where we hold the lease after this try. */
static bool try_to_hold(struct lp_lease *l, struct lp_error *err)
{
    int64_t now = lp_clock_ms();

    /* The holder writes what it wrote last; everybody else reads first. */
    if (atomic_load(&l->renewed_ms) == 0 || !l->seen) {
        if (read_lease(l, l->client, err) < 0)
            return false;
    }
    bool is_free =
        !l->seen || !*holder_of(l->seen) || is_ours(l) || now - l->changed_ms >= l->duration_ms;
    if (!is_free) {
        lp_error_set(err, LP_E_CONFLICT, "lease %s/%s is held by %s", l->ns, l->name,
                     holder_of(l->seen));
        return false;
    }
    int r = write_lease(l, l->client, false, err);
    if (r == 0) {
        atomic_store(&l->renewed_ms, now); /* when the write began: the safe side */
        return true;
    }
    if (r == LP_E_CONFLICT || r == LP_E_EXISTS || r == LP_E_NOT_FOUND) {
        struct lp_error ignored;
        int read = read_lease(l, l->client, &ignored);
        (void)read; /* the next try reads or writes again */
    }
    return false;
}

static bool acquire(struct lp_lease *l)
{
    struct lp_error err;

    while (!lp_stop_requested(l->stop)) {
        if (try_to_hold(l, &err))
            return true;
        lp_log_debug("no lease yet", "lease", l->name, "error", err.msg);
        /* Twice as often as the holder writes: a released lease is not free for long. */
        lp_stop_wait(l->stop, lp_jitter(l->retry_ms / 2, 20));
    }
    return false;
}

/* Returns when the lease is lost, or at the stop. */
static void hold(struct lp_lease *l)
{
    struct lp_error err;

    while (!lp_stop_wait(l->stop, l->retry_ms)) {
        if (try_to_hold(l, &err) || lp_stop_requested(l->stop))
            continue;
        lp_log_debug("lease not renewed", "lease", l->name, "error", err.msg);
        bool taken = l->seen && !is_ours(l) && *holder_of(l->seen);
        if (taken || lp_clock_ms() - atomic_load(&l->renewed_ms) >= l->renew_ms)
            return;
    }
}

static void lead(struct lp_lease *l)
{
    while (acquire(l)) {
        lp_metric_set(l->leads, 1);
        if (l->call.on_started)
            l->call.on_started(l->call.user);
        hold(l);
        if (lp_stop_requested(l->stop))
            return; /* held until lp_lease_join releases it */
        atomic_store(&l->renewed_ms, 0);
        lp_metric_set(l->leads, 0);
        if (l->call.on_lost)
            l->call.on_lost(l->call.user);
    }
}

static void *lease_main(void *user)
{
    pthread_setname_np(pthread_self(), "lease");
    lp_heartbeat_begin("lease", LP_HEARTBEAT_MS);
    lead(user);
    lp_heartbeat_end();
    return NULL;
}

static void lease_free(struct lp_lease *l)
{
    lp_kube_client_free(l->client);
    json_decref(l->seen);
    free(l->ns);
    free(l->name);
    free(l->identity);
    free(l);
}

static int start_thread(struct lp_lease *l, struct lp_error *err)
{
    pthread_attr_t attributes;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    int failed = pthread_create(&l->thread, &attributes, lease_main, l);
    pthread_attr_destroy(&attributes);
    if (failed)
        return lp_error_set(err, LP_E_INTERNAL, "lease %s: no thread: %s", l->name,
                            strerror(failed));
    return 0;
}

int lp_lease_start(struct lp_kube_config *config, struct lp_stop *stop,
                   const struct lp_lease_options *options, struct lp_lease **ret_lease,
                   struct lp_error *err)
{
    struct lp_lease *l = lp_alloc(sizeof *l);

    l->config = config;
    l->stop = stop;
    l->ns = lp_strdup(options->ns);
    l->name = lp_strdup(options->name);
    l->identity = lp_strdup(options->identity);
    l->duration_ms = options->duration_ms ? options->duration_ms : 15000;
    l->renew_ms = options->renew_ms ? options->renew_ms : 10000;
    l->retry_ms = options->retry_ms ? options->retry_ms : 2000;
    l->call = *options;
    l->leads =
        lp_metric_with(lp_metric_family(LP_METRIC_GAUGE, "leader_election_master_status",
                                        "1 where this process holds the lease.", "name", NULL, 0),
                       options->name);
    lp_metric_set(l->leads, 0);
    /* A write that began just before the renewal deadline is over before the lease is. */
    struct lp_kube_client_options client = { .stop = stop, .total_timeout_ms = l->renew_ms / 2 };
    int r = lp_kube_client_new(config, &client, &l->client, err);
    if (r == 0)
        r = start_thread(l, err);
    if (r < 0) {
        lease_free(l);
        return r;
    }
    *ret_lease = l;
    return 0;
}

bool lp_lease_held(const struct lp_lease *l)
{
    int64_t renewed = atomic_load(&l->renewed_ms);
    return renewed && lp_clock_ms() - renewed < l->duration_ms;
}

int64_t lp_lease_writes_until_ms(const struct lp_lease *l)
{
    int64_t renewed = atomic_load(&l->renewed_ms);
    return renewed ? renewed + l->renew_ms : 0;
}

/* By a client of its own, as the stop would end the requests of the thread's. */
static void release(struct lp_lease *l)
{
    struct lp_kube_client_options options = { .total_timeout_ms = RELEASE_MS };
    lp_auto_kube_client struct lp_kube_client *client = NULL;
    struct lp_error err;

    int r = lp_kube_client_new(l->config, &options, &client, &err);
    if (r == 0)
        r = write_lease(l, client, true, &err);
    /* The stop may have cut off a renewal that the server carried out all the same. */
    if (r == LP_E_CONFLICT && read_lease(l, client, &err) == 0 && is_ours(l))
        r = write_lease(l, client, true, &err);
    if (r < 0)
        lp_log_debug("lease not released", "lease", l->name, "error", err.msg);
    lp_metric_set(l->leads, 0);
}

void lp_lease_join(struct lp_lease *l)
{
    if (!l)
        return;
    pthread_join(l->thread, NULL);
    if (lp_lease_held(l) && is_ours(l))
        release(l);
    lease_free(l);
}
