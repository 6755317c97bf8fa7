/* services/gateway/hold.c -- see the header. Of those that are held one at a time is sent, until an
 * answer comes; then all are. */
#include "services/gateway/hold.h"

#include "services/gateway/worker.h"

#define LOOK_MS 250
#define PROBE_MS 1000 /* a call that is out for longer tells nothing */

static struct hold *hold_of(const struct exchange *x)
{
    return &x->worker->holds[x->ticket.upstream];
}

/* For which the gateway itself does nothing. */
static void count(const struct exchange *x, double by)
{
    const struct gateway_metrics *m = &x->worker->shared->metrics;

    lp_metric_add(m->in_flight, by);
    lp_metric_add(m->awaiting[x->ticket.upstream], by);
    lp_metric_add(m->held[x->ticket.upstream], by);
}

static bool waits_for_probe(const struct exchange *x)
{
    const struct hold *h = hold_of(x);

    return h->asleep && h->probe && x->worker->now - h->probe->called_ms < PROBE_MS;
}

bool hold_is_asleep(const struct exchange *x)
{
    return x->upstream->holds && waits_for_probe(x);
}

bool hold_is_over(const struct exchange *x)
{
    return x->held_until > 0 && x->worker->now >= x->held_until;
}

bool hold_begin(struct exchange *x)
{
    struct worker *w = x->worker;
    bool again = x->held_until > 0;

    if (!x->upstream->holds || hold_is_over(x))
        return false;
    if (!again && (w->n_held >= w->hold_limit || worker_is_full(w)))
        return false;
    if (!again)
        x->held_until = w->now + w->shared->config->hold_timeout_ms;
    hold_of(x)->asleep = true;
    x->held = true;
    w->n_held++;
    count(x, 1);
    exchange_expect(x, LOOK_MS);
    return true;
}

static void leave(struct exchange *x)
{
    x->held = false;
    x->worker->n_held--;
    count(x, -1);
}

bool hold_overdue(struct exchange *x)
{
    struct hold *h = hold_of(x);

    if (hold_is_over(x)) {
        leave(x);
        return false;
    }
    if (waits_for_probe(x)) {
        exchange_expect(x, LOOK_MS);
        return false;
    }
    if (h->asleep)
        h->probe = x;
    leave(x);
    return true;
}

void hold_end(struct exchange *x)
{
    struct hold *h = hold_of(x);

    if (h->probe == x)
        h->probe = NULL;
    if (x->held)
        leave(x);
}

void hold_wake(struct exchange *x)
{
    *hold_of(x) = (struct hold){ .asleep = false };
}
