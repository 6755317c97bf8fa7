/*
 * The scraper's side: which pods are due, and what came of asking them.
 *
 * Threads: every public function takes the one lock.
 */
#include <string.h>

#include "autoscaler/samples/samples_parts.h"

#define MAX_PAUSE_MS 4000 /* between two scrapes of a failing pod; below SAMPLES_SWEEP_AGE_MS */
#define FREE_FAILURES 3   /* until the pauses grow */
#define TOGETHER_MS 50    /* scrapes that are due within it begin at once, with one look */

unsigned samples_due(struct samples *s, int64_t now_ms, struct samples_target *ret_targets,
                     unsigned max, int64_t *ret_next_ms)
{
    unsigned n = 0;
    *ret_next_ms = INT64_MAX;
    pthread_mutex_lock(&s->lock);
    for (unsigned i = 0, at = s->cursor; i < s->n_slots; i++, at++) {
        struct pod *p = s->slots[at % s->n_slots];
        if (!p || !p->ready || p->out)
            continue;
        if (p->due_ms <= now_ms && n < max) {
            p->out = true;
            s->cursor = at % s->n_slots + 1;
            ret_targets[n].id = p->id;
            memcpy(ret_targets[n].ip, p->ip, sizeof p->ip);
            n++;
        } else if (p->due_ms < *ret_next_ms) {
            *ret_next_ms = p->due_ms;
        }
    }
    pthread_mutex_unlock(&s->lock);
    return n;
}

/* The pod's own moment of each interval, at least half an interval away; later after failures. */
static int64_t next_due(const struct samples *s, const struct pod *p, int64_t now_ms)
{
    if (p->failures > FREE_FAILURES) {
        unsigned doublings = p->failures - FREE_FAILURES;
        int64_t pause = s->interval_ms << (doublings < 8 ? doublings : 8);
        return now_ms + (pause < MAX_PAUSE_MS ? pause : MAX_PAUSE_MS);
    }
    int64_t earliest = now_ms + s->interval_ms / 2;
    int64_t phase = (int64_t)(table_hash(p->key) % (uint64_t)s->interval_ms);
    phase -= phase % TOGETHER_MS;
    int64_t due = earliest - earliest % s->interval_ms + phase;
    return due < earliest ? due + s->interval_ms : due;
}

/* A backlog is one number that every pod of the service tells: the newest counts. */
static void take_backlogs(struct service *v, const struct promtext_page *page, int64_t now_ms)
{
    for (unsigned i = 0; i < page->n_queues; i++) {
        unsigned at = 0;
        while (at < v->n_backlogs && strcmp(v->backlogs[at].name, page->queues[i].name) != 0)
            at++;
        if (at == PROMTEXT_QUEUES) {
            at = 0;
            for (unsigned k = 1; k < PROMTEXT_QUEUES; k++)
                if (v->backlogs[k].at_ms < v->backlogs[at].at_ms)
                    at = k;
        } else if (at == v->n_backlogs) {
            v->n_backlogs++;
        }
        struct backlog *b = &v->backlogs[at];
        b->depth = page->queues[i].depth;
        b->at_ms = now_ms;
        memcpy(b->name, page->queues[i].name, sizeof b->name);
    }
}

static void take_page(const struct samples *s, struct pod *p, const struct promtext_page *page,
                      int64_t now_ms)
{
    struct service *v = p->service;
    bool counts = now_ms - p->ready_since_ms >= s->warm_up_ms;
    p->value = page->waiting + page->in_flight;
    p->at_ms = now_ms;
    load_take(&p->load, counts ? &v->latency : NULL, page, now_ms);
    take_backlogs(v, page, now_ms);
}

void samples_report(struct samples *s, uint64_t id, enum samples_result result,
                    const struct promtext_page *page, int64_t now_ms)
{
    pthread_mutex_lock(&s->lock);
    uint32_t slot = (uint32_t)id;
    struct pod *p = slot < s->n_slots ? s->slots[slot] : NULL;
    if (p && p->id == id) {
        p->out = false;
        p->result = (uint8_t)result;
        p->result_ms = now_ms;
        if (result == SAMPLES_OK)
            p->failures = 0;
        else if (p->failures < UINT16_MAX)
            p->failures++;
        if (result == SAMPLES_OK)
            take_page(s, p, page, now_ms);
        p->due_ms = next_due(s, p, now_ms);
        samples_note_sweep(s);
    }
    pthread_mutex_unlock(&s->lock);
}
