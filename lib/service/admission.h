/* lib/service/admission.h -- bounded work: so many at once, so many waiting, none for too long. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Part of whatever waits; the queue uses `next` until work or drop is called. */
struct lp_admission_item {
    struct lp_admission_item *next;
    int64_t deadline_ms; /* lp_clock_ms() value: dropped if it has not been started by then */
    uint64_t number;     /* the queue's: in order of arrival */
    bool at_once;        /* the queue's: a slot was free, so its client need not be looked at */
};

/* All callbacks run without the lock. `work` and `drop` end in one lp_admission_finish, then or
 * later. */
struct lp_admission_options {
    unsigned slots;       /* threads, made when there is work for them */
    unsigned queue_limit; /* items that wait beyond what the slots take */
    void (*work)(struct lp_admission_item *item, void *worker);
    void (*drop)(struct lp_admission_item *item,
                 const char *reason); /* "deadline", "client_gone" */
    /* The socket of the client that waits, open as long as the item is in the queue; -1: none is
     * looked at. NULL: none ever. */
    int (*client_fd)(const struct lp_admission_item *item);
    void *(*make_worker)(void *user); /* once per thread; NULL: none */
    void (*free_worker)(void *worker);
    void *user;
};

/*
 * The event loop from which the items come, where the queue's own threads turn it: a worker that
 * has nothing to do turns it, and works itself on the first item that its turn brings, while one
 * thread more stands in for it as soon as something else comes. So an item that comes alone costs
 * no hand-over to a worker, nor its reply one to the event loop. As in http/server/turn.h.
 */
struct lp_admission_loop {
    void (*turn)(void *user);  /* waits for something to do and does it; only here items are put */
    void (*watch)(void *user); /* between two turns: what comes ends `await` */
    void (*await)(void *user);
    void (*wake)(void *user);   /* ends the waits of both */
    void (*settle)(void *user); /* after work on an item, where no turn of this thread follows */
    void *user;
};

/* Opaque: hides a lock and threads. Keeps the gauges lp_requests_in_flight, _waiting and
 * lp_request_slots. */
struct lp_admission;

struct lp_admission *lp_admission_new(const struct lp_admission_options *options);

/* From now on its threads turn the loop, until _free. Before the first _put. LP_E_UNAVAILABLE where
 * no thread is to be had. */
LP_MUST_USE int lp_admission_lead(struct lp_admission *a, const struct lp_admission_loop *loop,
                                  struct lp_error *err);

/* False where it is full or closed: the caller answers. Any thread. */
bool lp_admission_put(struct lp_admission *a, struct lp_admission_item *item);

/* One item that was put is done with. */
void lp_admission_finish(struct lp_admission *a);

/* Drops what waits beyond its deadline or for nobody; call it every second or so. The clients are
 * looked at in one system call, without the lock. */
void lp_admission_sweep(struct lp_admission *a);

/* From now on _put takes nothing. True once every item is finished, false after `ms`. */
bool lp_admission_close(struct lp_admission *a, int64_t ms);

/* Every item must be finished. Joins the threads. */
void lp_admission_free(struct lp_admission *a);
