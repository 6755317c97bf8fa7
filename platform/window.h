/* platform/window.h -- maintenance windows: weekly ones at a fixed offset from UTC, and dated ones.
 * Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

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
