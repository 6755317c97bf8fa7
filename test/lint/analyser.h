/* test/lint/analyser.h -- what clang's analyser cannot see from one file: analyse.sh puts this
 * header before each source. An error has the value of its code, so `r < 0` holds behind it and no
 * result is read. */
#pragma once

#include "base/error.h"

#undef lp_error_set
#define lp_error_set(err, code, ...) \
    (lp_error_set_at((err), (code), __FILE__, __LINE__, __VA_ARGS__), (code))
