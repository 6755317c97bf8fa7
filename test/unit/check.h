/* test/unit/check.h -- cmocka and the headers that it wants before it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/error.h"

/* A call that must succeed; `err` is there for it. */
#define ok(call)                                \
    do {                                        \
        struct lp_error err = { .msg = "?" };   \
        if ((call) < 0)                         \
            fail_msg("%s: %s", #call, err.msg); \
    } while (0)
