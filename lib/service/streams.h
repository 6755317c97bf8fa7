/* lib/service/streams.h -- how many long answers are read at a time. */
#pragma once

#include "base/error.h"

/* Each holds a worker and some megabytes for as long as its reader takes. Any thread. */
struct lp_streams;

#define LP_STREAMS_PER_READER 2

/* At most `limit` (1 and more) at a time, LP_STREAMS_PER_READER of one reader. */
struct lp_streams *lp_streams_new(unsigned limit);
void lp_streams_free(struct lp_streams *s);

/* Counts one more of `reader` (copied). LP_E_CONFLICT where this reader has as many as it may,
 * LP_E_UNAVAILABLE where all have. */
LP_MUST_USE int lp_streams_enter(struct lp_streams *s, const char *reader, struct lp_error *err);
void lp_streams_leave(struct lp_streams *s, const char *reader);
