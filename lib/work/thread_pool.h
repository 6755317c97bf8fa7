/* lib/work/thread_pool.h -- small jobs of one caller, done side by side by waiting threads. */
#pragma once

#include "base/error.h"

/* Opaque: hides a lock and threads. */
struct lp_thread_pool;

/* Job `i` of a run, in a thread that has `context`. */
typedef void lp_thread_pool_job(unsigned i, void *context, void *user);

/* `n` threads called `name`-1 and so on; thread i's jobs get contexts[i], which outlive the pool.
 */
LP_MUST_USE int lp_thread_pool_new(const char *name, unsigned n, void *const *contexts,
                                   struct lp_thread_pool **ret_pool, struct lp_error *err);
/* Waits for the threads; no run is under way. */
void lp_thread_pool_free(struct lp_thread_pool *p);

/*
 * Runs jobs 0 to n - 1, begun in that order, and returns when all are over: the caller does them,
 * with `context`, and idle threads of the pool help. From any thread but the pool's own; callers
 * at the same time share the pool. Every job must end by itself. NULL: the caller does them all.
 */
void lp_thread_pool_run(struct lp_thread_pool *p, unsigned n, lp_thread_pool_job *job,
                        void *context, void *user);
