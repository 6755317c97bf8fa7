/* operator/hold/journal.h -- which platforms were under work when a process of this pod died. */
#pragma once

#include <stdbool.h>

#include "base/error.h"

#define JOURNAL_WORKERS 64

/*
 * A file in a folder that outlives the process: an emptyDir. What was under work when the process
 * died is suspected; a suspect is worked on alone, so that the next death tells which one it is.
 * Opaque: hides the file and a lock. Any thread; NULL is a journal that knows nothing and notes
 * nothing.
 */
struct journal;

/* LP_E_INVALID where the file cannot be made, mapped, or belongs to a process that is alive. A file
 * that is none of ours is begun anew. */
LP_MUST_USE int journal_open(const char *path, struct journal **ret_journal, struct lp_error *err);
void journal_close(struct journal *j);

/* How many reconciles were under way when the process before us died. */
unsigned journal_cut_short(const struct journal *j);

/* How often a process died while the platform was under work; 0 after one reconcile that it
 * survived. */
unsigned journal_deaths(struct journal *j, const char *key);

/*
 * Around each reconcile of a worker (0 to JOURNAL_WORKERS - 1). _begin waits until nobody else
 * works where the platform is suspected, and while somebody works on a suspect.
 */
void journal_begin(struct journal *j, unsigned worker, const char *key);
/* `over`: nothing is held against the platform any more. */
void journal_end(struct journal *j, unsigned worker, const char *key, bool over);
