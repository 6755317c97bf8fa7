/* lib/base/buf.h -- the one string builder: a limit is mandatory, an overflow sticks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern char lp_buf_empty[1];

/*
 * `ptr` is never NULL and always ends with a NUL after `len` bytes. Bytes past `max` are not taken:
 * `overflowed` is set, stays set until _reset, and later additions do nothing, so that one check at
 * the end is enough. `max` counts bytes without the NUL.
 */
struct lp_buf {
    char *ptr;
    size_t len, cap, max;
    bool overflowed;
};

#define LP_BUF_INIT(limit)                  \
    {                                       \
        .ptr = lp_buf_empty, .max = (limit) \
    }
#define lp_auto_buf __attribute__((cleanup(lp_buf_done)))

/* Frees the bytes; the buffer is empty and can be used again. */
void lp_buf_done(struct lp_buf *b);

/* Forgets the content and the overflow, keeps the memory. */
void lp_buf_reset(struct lp_buf *b);

void lp_buf_add(struct lp_buf *b, const void *bytes, size_t n);
void lp_buf_str(struct lp_buf *b, const char *s);
void lp_buf_char(struct lp_buf *b, char c);
__attribute__((format(printf, 2, 3))) void lp_buf_printf(struct lp_buf *b, const char *fmt, ...);

/* Drops the first `n` bytes; `n` at most `len`. */
void lp_buf_consume(struct lp_buf *b, size_t n);

/* Hands over the content as a string of the caller's (free()); the buffer is empty afterwards. */
char *lp_buf_take(struct lp_buf *b);
