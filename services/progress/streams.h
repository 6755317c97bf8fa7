/* services/progress/streams.h -- how many long lists are read at a time. */
#pragma once

#include "base/error.h"

/* Each holds a worker and some megabytes for as long as its reader takes. Any thread. */
struct streams;

#define STREAMS_PER_READER 2

/* At most `limit` (1 and more) at a time, STREAMS_PER_READER of one reader. */
struct streams *streams_new(unsigned limit);
void streams_free(struct streams *s);

/* Counts one more of `reader` (copied). LP_E_CONFLICT where this reader has as many as it may,
 * LP_E_UNAVAILABLE where all have. */
LP_MUST_USE int streams_enter(struct streams *s, const char *reader, struct lp_error *err);
void streams_leave(struct streams *s, const char *reader);
