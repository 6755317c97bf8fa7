/* lib/work/crew.h -- the small jobs of one caller, done side by side by threads that wait for them.
 */
#pragma once

#include "base/error.h"

/* Opaque: hides a lock and threads. */
struct lp_crew;

/* Job `i` of a run, by whoever has `tool`. */
typedef void lp_crew_job(unsigned i, void *tool, void *user);

/* `n` threads called `name`-1 and so on; thread i's jobs get tools[i], which outlive the crew. */
LP_MUST_USE int lp_crew_new(const char *name, unsigned n, void *const *tools,
                            struct lp_crew **ret_crew, struct lp_error *err);
/* Waits for the threads; no run is under way. */
void lp_crew_free(struct lp_crew *c);

/*
 * Jobs 0 to n - 1, begun in that order, and returns when all are over: the caller does them, with
 * `tool`, and the threads that are free help. Any thread but the crew's own; several at once share
 * the crew. Every job must end by itself. NULL is a crew without threads.
 */
void lp_crew_run(struct lp_crew *c, unsigned n, lp_crew_job *job, void *tool, void *user);
