/*
 * operator/state/repairs.h -- children whose owned fields somebody else keeps taking, or that
 * somebody keeps deleting. Each repair that follows another within ten minutes waits longer, 5 ms
 * to 5 min, so that two controllers that want different things do not keep the API server busy. A
 * hundred deletions are free of that. One thread: the worker that holds the platform's key.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "work/backoff.h"

#define REPAIRS_TELL 3 /* so many in a row are a conflict */
#define REPAIRS_FREE_DELETIONS 100
#define REPAIRS_FORGET_MS 600000 /* without a repair: the next one is a first one again */

struct repair {
    struct repair *next;
    char *child;  /* "Deployment english-auth" */
    bool is_gone; /* it was deleted, or lost the label by which we know it */
    struct lp_backoff backoff;
    unsigned count;        /* in a row */
    int64_t at_ms, due_ms; /* the last one; from when on the next may be; monotonic */
    int64_t due_wall_ms;
    bool open; /* not repaired now: it waits for its time */
    char field[192], seen[96], wanted[96], manager[128]; /* see owned.h; field "": none */
};

/* Of `child`, made where `make`; else NULL where there was none in the last ten minutes. */
struct repair *repairs_find(struct repair **list, const char *child, bool is_gone, int64_t now_ms,
                            bool make);
void repairs_free(struct repair *list); /* NULL is fine */
void repairs_drop(struct repair **list, const char *child, bool is_gone);

/* Notes a repair that is made now, and when the next one may be. */
void repairs_count(struct repair *r, int64_t now_ms, int64_t now_wall_ms);

/* True where so many came in a row that a user must hear of it. */
bool repairs_are_many(const struct repair *r);

/* The first conflict there is, or NULL. It ends once a repair has held for as long as it had to
 * wait, 1 s to 1 min. */
const struct repair *repairs_conflict(const struct repair *list, int64_t now_ms);

/* In how many ms a conflict is due for its repair or comes to its end; 0: there is none. */
int64_t repairs_next_ms(const struct repair *list, int64_t now_ms);
