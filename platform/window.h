/*
 * platform/window.h -- windows of time, for maintenance and schedules: weekly ones by the clock of
 * a time zone or at a fixed offset from UTC, and dated ones. Pure but for the time zones, which are
 * read from their files.
 *
 * In a time zone that changes its clock a weekly window is open from the first moment at which the
 * clock shows its start or a later time, to the first one at which it shows its end or a later one
 * (zone.h). So on the night whose hour comes twice, both ends are the first of the two; on the one
 * that skips an hour, an end in it is the moment of the jump, and a window that lies wholly in it
 * does not open.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "platform/spec.h"

/* LP_E_INVALID with path, value seen and value wanted. */
LP_MUST_USE int window_check(const struct maintenance_spec *m, const char *path,
                             struct lp_error *err);

/*
 * True where a window is open at `now_ms` (wall clock, milliseconds); a window has its start and
 * not its end. *ret_next_ms is when the next one opens, 0 where there is none to come; it counts
 * only where the result is false. The spec has passed window_check.
 */
bool window_is_open(const struct maintenance_spec *m, int64_t now_ms, int64_t *ret_next_ms);

struct window_span {
    int64_t start_ms, end_ms; /* wall clock; it has its start and not its end */
};

#define WINDOW_SPANS_DAYS 70 /* so far ahead weekly windows are looked for */

/*
 * The spans that end after `now_ms`, the earliest first, at most `most` of them (those that begin
 * first); overlapping ones stay apart. `exclude`: dates of the windows' clock, "2026-12-25", on
 * which no weekly window opens, or NULL. The spec has passed window_check. Result: how many.
 */
unsigned window_spans(const struct maintenance_spec *m, const json_t *exclude, int64_t now_ms,
                      struct window_span *ret_spans, unsigned most);
