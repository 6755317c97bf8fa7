/*
 * services/learning/database/circle.c -- strongly connected components (Tarjan: Depth-First Search
 * and Linear Graph Algorithms, 1972), with a path of its own in place of calls, as chains are long.
 * No state.
 */
#include "services/learning/database/circle.h"

#include <limits.h>

#include "base/alloc.h"

/* An item on the way. */
struct place {
    int first, at, end; /* in `to`: its prerequisites, the next of them */
    int seen;           /* how many were seen before it, and it; 0: none saw it; INT_MAX: left */
    int low;            /* the earliest on the way that is known to be reached from it */
};

struct walk {
    struct place *places; /* 1.. */
    int *to, *path, *open;
    int n_path, n_open, count;
    int asked, found;
};

static void enter(struct walk *w, int item)
{
    struct place *p = &w->places[item];
    p->seen = p->low = ++w->count;
    p->at = p->first;
    w->path[w->n_path++] = item;
    w->open[w->n_open++] = item;
}

/* All that reach each other and `item`, the first seen of them, are open behind it. */
static void close_component(struct walk *w, int item)
{
    int n = 0, top, asked = 0;
    do {
        top = w->open[--w->n_open];
        w->places[top].seen = INT_MAX;
        if (top <= w->asked)
            asked = top;
        n++;
    } while (top != item);
    if (n > 1 && asked > 0)
        w->found = asked;
}

static void lower(struct place *p, int low)
{
    if (low < p->low)
        p->low = low;
}

static void step(struct walk *w)
{
    int item = w->path[w->n_path - 1];
    struct place *p = &w->places[item];

    if (p->at < p->end) {
        int next = w->to[p->at++];
        if (next == item && item <= w->asked)
            w->found = item;
        if (w->places[next].seen == 0)
            enter(w, next);
        else
            lower(p, w->places[next].seen);
        return;
    }
    if (p->low == p->seen)
        close_component(w, item);
    if (--w->n_path > 0)
        lower(&w->places[w->path[w->n_path - 1]], p->low);
}

/* Relations by item. */
static void sort(struct walk *w, const struct relation *relations, int n, int items)
{
    for (int i = 0; i < n; i++)
        w->places[relations[i].item].end++;
    for (int item = 1, at = 0; item <= items; item++) {
        struct place *p = &w->places[item];
        p->first = at;
        at += p->end;
        p->end = p->first;
    }
    for (int i = 0; i < n; i++)
        w->to[w->places[relations[i].item].end++] = relations[i].prerequisite;
}

int circle_find(const struct relation *relations, int n, int items, int asked)
{
    lp_auto_free struct place *places = lp_calloc((size_t)items + 1, sizeof *places);
    lp_auto_free int *to = lp_calloc((size_t)n + 1, sizeof *to);
    lp_auto_free int *path = lp_calloc((size_t)items + 1, sizeof *path);
    lp_auto_free int *open = lp_calloc((size_t)items + 1, sizeof *open);
    struct walk w = { .places = places, .to = to, .path = path, .open = open, .asked = asked };

    sort(&w, relations, n, items);
    for (int item = 1; item <= asked && w.found == 0; item++) {
        if (places[item].seen == 0)
            enter(&w, item);
        while (w.n_path > 0 && w.found == 0)
            step(&w);
    }
    return w.found;
}
