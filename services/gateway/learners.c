/* services/gateway/learners.c -- two slots of a minute each: the running one and the one before. A
 * note that meets the turn of a minute may be lost; the next request of that learner counts again.
 */
#include "services/gateway/learners.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/sketch.h"
#include "metrics/metrics.h"

#define MINUTE_MS 60000

struct learners {
    _Atomic int64_t minute;
    _Atomic uint8_t slots[2][SKETCH_REGISTERS]; /* [minute % 2]: the running one */
    struct lp_metric *registers[SKETCH_REGISTERS];
};

struct learners *learners_new(void)
{
    struct learners *l = lp_alloc(sizeof *l);
    struct lp_metric_family *family = lp_metric_family(
        LP_METRIC_GAUGE, "lp_learners_sketch",
        "HyperLogLog registers of the learners that were active in the last one to two minutes; of "
        "several pods the greatest counts.",
        "register", NULL, 0);
    char name[12];

    for (unsigned i = 0; i < SKETCH_REGISTERS; i++) {
        snprintf(name, sizeof name, "%u", i);
        l->registers[i] = lp_metric_with(family, name);
        lp_metric_set(l->registers[i], 0);
    }
    return l;
}

void learners_free(struct learners *l)
{
    free(l);
}

static void publish(struct learners *l, unsigned i)
{
    uint8_t a = atomic_load(&l->slots[0][i]), b = atomic_load(&l->slots[1][i]);

    lp_metric_set(l->registers[i], a > b ? a : b);
}

/* Who sees the new minute first turns the slots. */
void learners_turn(struct learners *l, int64_t now_ms)
{
    int64_t now = now_ms / MINUTE_MS, before = atomic_load(&l->minute);

    if (now <= before || !atomic_compare_exchange_strong(&l->minute, &before, now))
        return;
    for (unsigned i = 0; i < SKETCH_REGISTERS; i++) {
        atomic_store(&l->slots[now % 2][i], 0);
        if (now > before + 1)
            atomic_store(&l->slots[(now + 1) % 2][i], 0);
        publish(l, i);
    }
}

void learners_note(struct learners *l, const char *subject, size_t n, int64_t now_ms)
{
    unsigned i, least;

    learners_turn(l, now_ms);
    sketch_place(subject, n, &i, &least);
    _Atomic uint8_t *slot = &l->slots[atomic_load(&l->minute) % 2][i];
    uint8_t had = atomic_load(slot);
    while (had < least && !atomic_compare_exchange_weak(slot, &had, (uint8_t)least))
        ;
    if (had < least)
        publish(l, i);
}
