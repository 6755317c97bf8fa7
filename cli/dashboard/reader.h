/* cli/dashboard/reader.h -- the one thread that asks the API server for all tabs. */
#pragma once

#include "base/stop.h"
#include "cli/connect.h"
#include "cli/dashboard/board.h"
#include "cli/dashboard/past.h"
#include "cli/options.h"

/* Opaque: a thread. */
struct reader;

/*
 * Looks every options->interval_ms while a tab is there, else every 15 s, so that the past has no
 * gap; the next look begins so long after the end of the last. What it found goes to the board:
 * overview.h, and of each platform that is watched detail.h, at once and then every 10 s. All
 * borrowed until reader_free. LP_E_INTERNAL where there is no thread.
 */
LP_MUST_USE int reader_new(const struct connection *connection, const struct cli_options *options,
                           struct board *board, struct past *past, struct lp_stop *stop,
                           struct reader **ret_reader, struct lp_error *err);

/* board_end was called, or the stop was requested. Waits for the thread. NULL is fine. */
void reader_free(struct reader *r);
