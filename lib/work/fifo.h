/* lib/work/fifo.h -- what waits for one of some threads, first come, first served, and no more than
 * so many. */
#pragma once

#include <stdbool.h>

/* First member of what is put in. */
struct lp_fifo_item {
    struct lp_fifo_item *next;
};

/* Opaque: hides a lock. */
struct lp_fifo;
struct lp_fifo *lp_fifo_new(unsigned max);
/* Nobody waits, and nothing is in it. NULL is fine. */
void lp_fifo_free(struct lp_fifo *f);

/* Any thread. False, and the item stays the caller's: `max` wait already, or it is closed. */
bool lp_fifo_put(struct lp_fifo *f, struct lp_fifo_item *item);

/* Waits, as one who shows that he goes on (heartbeat.h). NULL: closed, and nothing is left. */
struct lp_fifo_item *lp_fifo_take(struct lp_fifo *f);

/* What is in it can still be taken. Any thread, more than once. */
void lp_fifo_close(struct lp_fifo *f);
