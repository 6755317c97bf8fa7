/* operator/state/repairs.c -- a short list: fields that are fought over are few. */
#include "operator/state/repairs.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define BASE_MS 5
#define MAX_MS 300000
#define HELD_MIN_MS 1000
#define HELD_MAX_MS 60000

static struct repair **slot(struct repair **list, const char *child, bool is_gone)
{
    while (*list && ((*list)->is_gone != is_gone || strcmp((*list)->child, child) != 0))
        list = &(*list)->next;
    return list;
}

static void free_one(struct repair *r)
{
    free(r->child);
    free(r);
}

void repairs_free(struct repair *list)
{
    for (struct repair *next; list; list = next) {
        next = list->next;
        free_one(list);
    }
}

void repairs_drop(struct repair **list, const char *child, bool is_gone)
{
    struct repair **at = slot(list, child, is_gone), *r = *at;

    if (r) {
        *at = r->next;
        free_one(r);
    }
}

struct repair *repairs_find(struct repair **list, const char *child, bool is_gone, int64_t now_ms,
                            bool make)
{
    struct repair *r = *slot(list, child, is_gone);

    if (r && now_ms - r->due_ms >= REPAIRS_FORGET_MS) {
        repairs_drop(list, child, is_gone);
        r = NULL;
    }
    if (!r && make) {
        r = lp_alloc(sizeof *r);
        r->child = lp_strdup(child);
        r->is_gone = is_gone;
        r->backoff = (struct lp_backoff){ .base_ms = BASE_MS, .max_ms = MAX_MS };
        r->next = *list;
        *list = r;
    }
    return r;
}

static unsigned free_of_wait(const struct repair *r)
{
    return r->is_gone ? REPAIRS_FREE_DELETIONS : 0;
}

void repairs_count(struct repair *r, int64_t now_ms, int64_t now_wall_ms)
{
    r->count++;
    int64_t wait_ms = r->count > free_of_wait(r) ? lp_backoff_next(&r->backoff) : 0;

    r->open = false;
    r->at_ms = now_ms;
    r->due_ms = now_ms + wait_ms;
    r->due_wall_ms = now_wall_ms + wait_ms;
}

/* When a repair counts as one that holds. */
static int64_t held_at(const struct repair *r)
{
    int64_t ms = r->due_ms - r->at_ms;

    if (ms < HELD_MIN_MS)
        ms = HELD_MIN_MS;
    return r->at_ms + (ms > HELD_MAX_MS ? HELD_MAX_MS : ms);
}

bool repairs_are_many(const struct repair *r)
{
    return r->count >= free_of_wait(r) + REPAIRS_TELL;
}

static bool is_conflict(const struct repair *r, int64_t now_ms)
{
    return repairs_are_many(r) && (r->open || now_ms < held_at(r));
}

const struct repair *repairs_conflict(const struct repair *list, int64_t now_ms)
{
    while (list && !is_conflict(list, now_ms))
        list = list->next;
    return list;
}

int64_t repairs_next_ms(const struct repair *list, int64_t now_ms)
{
    int64_t next = 0;

    for (; list; list = list->next) {
        bool waits = list->open || is_conflict(list, now_ms);
        int64_t ms = (list->open ? list->due_ms : held_at(list)) - now_ms;
        ms = ms > 0 ? ms : 1;
        if (waits && (next == 0 || ms < next))
            next = ms;
    }
    return next;
}
