/* services/gateway/outliers.h -- which addresses of an upstream fail, and are left alone for a
 * while.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "services/gateway/endpoints.h"

/* An address that failed since it last answered. */
struct outlier {
    union endpoint address;
    int64_t until;     /* left alone until then, lp_clock_ms(); 0: it never was */
    unsigned in_a_row; /* failures; 0: the entry is free */
    unsigned times;    /* it was left alone without an answer between */
    bool tried;        /* one request is out that tells whether it answers again */
};

/* Zeroed: none. One thread. */
struct outliers {
    struct outlier list[ENDPOINTS_MAX];
    unsigned n; /* in use */
};

enum outlier_failure {
    OUTLIER_UNCONNECTED, /* it refuses, or takes no connection in time */
    OUTLIER_UNANSWERED,  /* it took one, and broke off or was silent before an answer's head */
};

/*
 * It failed. It is left alone for 2 s, doubled each time up to 30 s, until it answers: after one
 * failed connect, or 3 failures in a row. The latter only where at most half of `all` are left
 * alone then, for an upstream that fails as a whole is the breaker's matter. Once its time is over
 * one request tries it, and the next failure is enough. ms for which it is left alone from now on;
 * 0: it is not, or was before, or all others of `all` are out too: then they are asked in turn all
 * the same.
 */
int64_t outliers_failed(struct outliers *o, const union endpoint *a, enum outlier_failure what,
                        const struct endpoint_list *all, int64_t now);

/* The head of an answer came: all is forgotten. */
void outliers_answered(struct outliers *o, const union endpoint *a);

/* A request goes to it. True where its time was over: that is the one that tries it, and others
 * leave it alone until there is an answer, at most for 30 s. Then _failed, _answered or _untold
 * must follow. */
bool outliers_asked(struct outliers *o, const union endpoint *a, int64_t now);

/* The request that tried it ended without telling anything of it: the next one may. */
void outliers_untold(struct outliers *o, const union endpoint *a, int64_t now);

/* It is left alone now. */
bool outliers_is_out(const struct outliers *o, const union endpoint *a, int64_t now);

bool outliers_same(const union endpoint *a, const union endpoint *b);
