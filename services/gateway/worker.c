/* services/gateway/worker.c -- what others ask of a worker's loop. */
#include "services/gateway/worker.h"

#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/alloc.h"

void worker_sweep_at(struct worker *w, int64_t at)
{
    if (at < w->next_sweep)
        w->next_sweep = at;
}

void worker_wake(struct worker *w)
{
    eventfd_write(w->wake_fd, 1);
}

/* 64 bits, not for secrets. */
static uint64_t worker_random(uint64_t state[2])
{
    uint64_t a = state[0], b = state[1]; /* xorshift128+ */

    state[0] = b;
    a ^= a << 23;
    state[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
    return state[1] + b;
}

void worker_random_hex(uint64_t state[2], char *ret, size_t n)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t at = 0; at < n; at += 16) {
        uint64_t bits = worker_random(state);
        for (size_t i = 0; i < 16; i++) {
            ret[at + i] = digits[bits & 15];
            bits >>= 4;
        }
    }
    ret[n] = '\0';
}

/* The finalizer of SplitMix64 over both halves and the key. */
unsigned worker_place(const struct worker *w, const struct in6_addr *address)
{
    uint64_t half[2];
    uint64_t x = w->address_key;

    memcpy(half, address, sizeof half);
    for (unsigned i = 0; i < 2; i++) {
        x ^= half[i];
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
        x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
        x ^= x >> 31;
    }
    return (unsigned)(x & (WORKER_ADDRESSES - 1));
}

void worker_end_tunnel_at(struct worker *w, int64_t *ret_until)
{
    int64_t span = w->shared->config->common.drain_ms * 3 / 4;

    *ret_until = w->now + (int64_t)(worker_random(w->random) % (uint64_t)(span + 1));
    worker_sweep_at(w, *ret_until);
}

void worker_count(struct worker *w, size_t upstream, unsigned status)
{
    const struct gateway_routes *routes = &w->shared->routes;
    size_t route = upstream < routes->n ? upstream : GATEWAY_MAX_UPSTREAMS;
    const char *name = upstream < routes->n ? routes->upstreams[upstream].name : "other";
    char code[12];

    if (status >= WORKER_MAX_STATUS)
        status = 0;
    if (!w->codes[route])
        w->codes[route] = lp_calloc(WORKER_MAX_STATUS, sizeof(struct lp_metric *));
    if (!w->codes[route][status]) {
        snprintf(code, sizeof code, "%u", status);
        w->codes[route][status] =
            lp_metric_with(w->shared->metrics.requests, "gateway", name, code);
    }
    lp_metric_add(w->codes[route][status], 1);
}
