/* lib/base/alloc.c -- the only place that decides what happens without memory: abort(). The pod
 * restarts, and what matters is in the API server or the database. Any thread. */
#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void *there(void *p)
{
    if (!p) {
        static const char msg[] = "out of memory\n";
        ssize_t n = write(STDERR_FILENO, msg, sizeof msg - 1);
        (void)n;
        abort();
    }
    return p;
}

void *lp_alloc(size_t size)
{
    return there(calloc(1, size ? size : 1));
}

void *lp_calloc(size_t count, size_t size)
{
    return there(calloc(count ? count : 1, size ? size : 1));
}

void *lp_realloc(void *p, size_t size)
{
    return there(realloc(p, size ? size : 1));
}

char *lp_strdup(const char *s)
{
    return s ? there(strdup(s)) : NULL;
}

char *lp_strndup(const char *s, size_t n)
{
    return s ? there(strndup(s, n)) : NULL;
}

char *lp_sprintf(const char *fmt, ...)
{
    char *s = NULL;
    va_list args;

    va_start(args, fmt);
    int n = vasprintf(&s, fmt, args);
    va_end(args);
    return there(n < 0 ? NULL : s);
}
