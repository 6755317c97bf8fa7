/* lib/base/buf.c -- grows by doubling up to the limit. Belongs to one thread. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

char lp_buf_empty[1] = "";

void lp_buf_done(struct lp_buf *b)
{
    if (b->cap > 0)
        free(b->ptr);
    b->ptr = lp_buf_empty;
    b->len = b->cap = 0;
    b->overflowed = false;
}

void lp_buf_reset(struct lp_buf *b)
{
    b->len = 0;
    b->overflowed = false;
    if (b->cap > 0)
        b->ptr[0] = '\0';
}

/* Room for `n` more bytes and the NUL, or false where that passes the limit. */
static bool reserve(struct lp_buf *b, size_t n)
{
    if (b->overflowed || n > b->max - b->len) {
        b->overflowed = true;
        return false;
    }
    size_t want = b->len + n + 1;
    if (want <= b->cap)
        return true;
    size_t cap = b->cap ? b->cap * 2 : 64;
    if (cap < want)
        cap = want;
    if (cap > b->max + 1)
        cap = b->max + 1;
    b->ptr = lp_realloc(b->cap ? b->ptr : NULL, cap);
    b->cap = cap;
    return true;
}

void lp_buf_add(struct lp_buf *b, const void *bytes, size_t n)
{
    if (n == 0 || !reserve(b, n))
        return;
    memcpy(b->ptr + b->len, bytes, n);
    b->len += n;
    b->ptr[b->len] = '\0';
}

void lp_buf_str(struct lp_buf *b, const char *s)
{
    lp_buf_add(b, s, strlen(s));
}

void lp_buf_char(struct lp_buf *b, char c)
{
    lp_buf_add(b, &c, 1);
}

void lp_buf_printf(struct lp_buf *b, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n <= 0 || !reserve(b, (size_t)n))
        return;
    va_start(args, fmt);
    vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, args);
    va_end(args);
    b->len += (size_t)n;
}

void lp_buf_consume(struct lp_buf *b, size_t n)
{
    if (n == 0 || n > b->len)
        return;
    memmove(b->ptr, b->ptr + n, b->len - n);
    b->len -= n;
    b->ptr[b->len] = '\0';
}

char *lp_buf_take(struct lp_buf *b)
{
    char *s = b->cap > 0 ? b->ptr : lp_strdup("");
    b->cap = 0;
    lp_buf_done(b);
    return s;
}
