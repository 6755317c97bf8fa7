/* lib/base/alloc.h -- memory: it is there or the program ends; locals clean up after themselves. */
#pragma once

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

/* `size` zeroed bytes, freed with free(). Aborts where there is no memory: every size from outside
 * is capped before it comes here. */
__attribute__((malloc, returns_nonnull)) void *lp_alloc(size_t size);

/* `count` times `size` zeroed bytes; aborts on overflow. */
__attribute__((malloc, returns_nonnull)) void *lp_calloc(size_t count, size_t size);

/* Like realloc, never NULL for size > 0. What is new is not zeroed. */
void *lp_realloc(void *p, size_t size);

/* A copy, owned by the caller; NULL gives NULL. */
__attribute__((malloc)) char *lp_strdup(const char *s);
__attribute__((malloc)) char *lp_strndup(const char *s, size_t n);

/* printf into a new string, owned by the caller. For names of bounded parts only. */
__attribute__((malloc, format(printf, 1, 2))) char *lp_sprintf(const char *fmt, ...);

static inline void lp_free_indirect(void *p)
{
    free(*(void **)p);
}

static inline void lp_close_indirect(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* An owned local is declared with one of these and initialised at once. */
#define lp_auto_free __attribute__((cleanup(lp_free_indirect)))
#define lp_auto_fd __attribute__((cleanup(lp_close_indirect)))

/* Hands the pointer over: the local forgets it, so that its cleanup does nothing. */
#define lp_take(p)                     \
    __extension__({                    \
        __typeof__(p) lp_taken_ = (p); \
        (p) = NULL;                    \
        lp_taken_;                     \
    })

#define LP_COUNT(array) (sizeof(array) / sizeof *(array))
