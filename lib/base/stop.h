/* lib/base/stop.h -- the flag that ends every wait of a program. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Set once, never cleared. `fd` is an eventfd that becomes and stays readable at the stop, so that
 * a poll can wait for it beside others. Opaque: hides a lock.
 */
struct lp_stop;

struct lp_stop *lp_stop_new(void);
void lp_stop_free(struct lp_stop *s);

void lp_stop_request(struct lp_stop *s);         /* any thread, any number of times */
bool lp_stop_requested(const struct lp_stop *s); /* NULL: never */
int lp_stop_fd(const struct lp_stop *s);         /* borrowed */

/* Waits up to `ms` (0 and more); true as soon as the stop is requested. */
bool lp_stop_wait(struct lp_stop *s, int64_t ms);

/*
 * For a wait that no descriptor ends, such as one for a condition: `wake` is called at the request,
 * in the thread that requests, or at once where it was requested before. It may take a lock that is
 * not held around these two functions, and calls nothing of the stop. `waker` is the caller's and
 * stays until lp_stop_remove_waker, after which `wake` runs no more.
 */
struct lp_stop_waker {
    void (*wake)(void *user);
    void *user;
    struct lp_stop_waker *next; /* the stop's */
};
void lp_stop_add_waker(struct lp_stop *s, struct lp_stop_waker *waker);
void lp_stop_remove_waker(struct lp_stop *s, struct lp_stop_waker *waker);

/*
 * Blocks SIGTERM and SIGINT in the calling thread (call it in main before the first thread starts,
 * so that all inherit it), ignores SIGPIPE, and starts a thread that requests the stop when one
 * arrives. The thread lives until the program ends. Returns 0 or LP_E_INTERNAL's value.
 */
int lp_stop_on_signals(struct lp_stop *s);
