/*
 * The scraper's side: which pods are due, and what came of asking them.
 *
 * Threads: every public function takes the one lock.
 */
#include <stdlib.h>
#include <string.h>

#include "autoscaler/samples/samples_parts.h"
#include "base/hash.h"
#include "base/alloc.h"

#define MAX_PAUSE_MS 4000 /* between two scrapes of a failing pod; below SAMPLES_SWEEP_AGE_MS */
#define FREE_FAILURES 3   /* until the pauses grow */
#define TOGETHER_MS 50    /* scrapes that are due within it begin at once, with one look */

void samples_set_handles(struct samples *s, unsigned handles)
{
    pthread_mutex_lock(&s->lock);
    s->handles = handles;
    pthread_mutex_unlock(&s->lock);
}

void samples_pod_in(struct pod *p)
{
    if (!p->out)
        return;
    p->out = false;
    p->service->out--;
    p->service->space->out--;
}

static void pod_out(struct pod *p)
{
    p->out = true;
    p->service->out++;
    p->service->space->out++;
}

static int by_due(const void *a, const void *b)
{
    const struct pod *x = *(struct pod *const *)a, *y = *(struct pod *const *)b;
    return (x->due_ms > y->due_ms) - (x->due_ms < y->due_ms);
}

/* What waits longest comes first. Returns how many; *ret_next_ms: when the next one is due. */
static unsigned find_due_locked(struct samples *s, int64_t now_ms, int64_t *ret_next_ms)
{
    unsigned n = 0;
    *ret_next_ms = INT64_MAX;
    for (unsigned i = 0; i < s->n_slots; i++) {
        struct pod *p = s->slots[i];
        if (!p || p->out || !samples_is_asked(p))
            continue;
        if (p->due_ms <= now_ms)
            s->due[n++] = p;
        else if (p->due_ms < *ret_next_ms)
            *ret_next_ms = p->due_ms;
    }
    if (n > 1)
        qsort(s->due, n, sizeof(void *), by_due);
    return n;
}

static void count_active(struct samples *s, struct service *v, unsigned *active_spaces)
{
    if (v->look == s->look)
        return;
    v->look = s->look;
    if (v->space->look != s->look) {
        v->space->look = s->look;
        v->space->active_services = 0;
        ++*active_spaces;
    }
    v->space->active_services++;
}

/* Which namespaces and services want handles now, or have some. Returns how many namespaces. */
static unsigned count_active_locked(struct samples *s, unsigned n_due)
{
    unsigned active_spaces = 0;
    s->look++;
    for (unsigned i = 0; i < n_due; i++)
        count_active(s, s->due[i]->service, &active_spaces);
    for (unsigned i = 0; i < s->services.n; i++) {
        struct service *v = (struct service *)s->services.items[i];
        if (v->out > 0)
            count_active(s, v, &active_spaces);
    }
    return active_spaces;
}

static unsigned share_of(unsigned handles, unsigned n)
{
    return n > 0 && handles > n ? handles / n : 1;
}

/* What it may have out: a namespace half of the handles at most, and its share where several want
 * some; a service its share of that. */
static bool has_room(const struct samples *s, const struct service *v, unsigned active_spaces)
{
    unsigned quota = share_of(s->handles, active_spaces > 2 ? active_spaces : 2);
    return v->space->out < quota && v->out < share_of(quota, v->space->active_services);
}

unsigned samples_due(struct samples *s, int64_t now_ms, struct samples_target *ret_targets,
                     unsigned max, int64_t *ret_next_ms)
{
    unsigned n = 0;
    pthread_mutex_lock(&s->lock);
    unsigned n_due = find_due_locked(s, now_ms, ret_next_ms);
    unsigned active_spaces = n_due > 0 ? count_active_locked(s, n_due) : 0;
    s->look_ms = now_ms;
    for (unsigned i = 0; i < n_due; i++) {
        struct pod *p = s->due[i];
        if (!has_room(s, p->service, active_spaces))
            continue; /* a report of its service or namespace makes room */
        if (n == max) {
            *ret_next_ms = now_ms;
            break;
        }
        pod_out(p);
        memcpy(ret_targets[n].ip, p->ip, sizeof p->ip);
        ret_targets[n++].id = p->id;
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
    int64_t phase = (int64_t)(lp_hash(p->key) % (uint64_t)s->interval_ms);
    phase -= phase % TOGETHER_MS;
    int64_t due = earliest - earliest % s->interval_ms + phase;
    return due < earliest ? due + s->interval_ms : due;
}

/* A backlog is one number that every pod of the service reports: the newest counts. */
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

static void take_upstreams(struct of_upstream **list, unsigned *n,
                           const struct promtext_queue *told, unsigned n_told)
{
    if (n_told != *n) {
        free(*list);
        *list = n_told ? lp_calloc(n_told, sizeof **list) : NULL;
        *n = n_told;
    }
    for (unsigned i = 0; i < n_told; i++)
        (*list)[i] = (struct of_upstream){ lp_hash(told[i].name), told[i].depth };
}

static void take_sketch(struct pod *p, const struct promtext_page *page)
{
    if (!page->has_sketch) {
        free(lp_take(p->sketch));
        return;
    }
    if (!p->sketch)
        p->sketch = lp_alloc(sizeof page->sketch);
    memcpy(p->sketch, page->sketch, sizeof page->sketch);
}

static void take_page(const struct samples *s, struct pod *p, const struct promtext_page *page,
                      int64_t now_ms)
{
    struct service *v = p->service;
    bool counts = now_ms - p->ready_since_ms >= s->warm_up_ms;
    p->value = page->waiting + promtext_own(page);
    p->at_ms = now_ms;
    load_take(&p->load, counts ? &v->latency : NULL, page, now_ms);
    take_backlogs(v, page, now_ms);
    take_upstreams(&p->awaited, &p->n_awaited, page->upstreams, page->n_upstreams);
    take_upstreams(&p->circuits, &p->n_circuits, page->circuits, page->n_circuits);
    take_sketch(p, page);
}

void samples_report(struct samples *s, uint64_t id, enum samples_result result,
                    const struct promtext_page *page, int64_t now_ms)
{
    pthread_mutex_lock(&s->lock);
    uint32_t slot = (uint32_t)id;
    struct pod *p = slot < s->n_slots ? s->slots[slot] : NULL;
    if (p && p->id == id) {
        samples_pod_in(p);
        p->result = (uint8_t)result;
        p->result_ms = now_ms;
        if (result == SAMPLES_OK)
            p->failures = 0;
        else if (p->failures < UINT16_MAX)
            p->failures++;
        if (result == SAMPLES_OK && p->revision > 0) /* else it was owned when it was asked */
            take_page(s, p, page, now_ms);
        if (result == SAMPLES_OK && p->revision > 0)
            samples_measure(s, p->service, now_ms);
        p->due_ms = next_due(s, p, now_ms);
        samples_note_sweep(s, p->service);
    }
    pthread_mutex_unlock(&s->lock);
}
