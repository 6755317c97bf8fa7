/* cli/looks/rows.h -- each sync of the HPA controller as a row for `simulate --as-recorded`, from
 * the statuses that it wrote. Pure but for the time, which the caller tells; one thread a
 * recording.
 *
 * A status that changes is a look, at the time of its receipt. A look that changes nothing writes
 * no status: where none came for half a period longer than it should, one is filled in, with the
 * values of the last, as its recommendation counts in windows.
 *
 * The controller looks again a period after it has ended a look, so that what was before is out of
 * a window of so many periods: rows are more than a period apart, though a status may come late and
 * the next in time.
 *
 * What a row has decides as what the controller had: the least usage of which its utilization comes
 * out, or that of its average where both agree; of queue_depth the whole number of requests of
 * which its average over the replicas comes out, of demand the most (so it is known to less than
 * seen_replicas thousandths of a pod).
 */
#pragma once

#include "base/buf.h"
#include "cli/looks/pods.h"

struct looks {
    const char *service;    /* before each column's name; borrowed */
    int32_t least;          /* minReplicas where nothing lifts it */
    int64_t period_ms;      /* of the controller, as it is set */
    struct looks_rules now; /* of the HPA as it is */
    struct hpa_rules first; /* whose metrics are the columns */
    json_t *hpa;            /* as it was last; owned */
    int64_t at_ms;          /* of the last look; 0: none yet */
    int64_t step_ms;        /* between two looks, as measured */
    int64_t wanted;         /* what spec.replicas is when only the HPA changes it; -1: not known */
    size_t rows;
    bool too_near; /* two looks were nearer than half a period */
    bool gone;     /* the HPA is not there: nobody looks */
};

/* What was there at a look. */
struct looks_moment {
    int64_t at_ms; /* wall clock */
    /* spec.replicas when the event came, and before it was changed last; -1: not known. The HPA's
     * own write may have come before its status, or not yet. */
    int64_t spec, spec_before;
    struct looks_pods pods;
};

/* `hpa` as it is before the first look. Appends comment and header. LP_E_INVALID where it has
 * metrics of other kinds. */
LP_MUST_USE int looks_begin(struct looks *looks, const char *service, int32_t least,
                            int64_t period_ms, json_t *hpa, struct lp_buf *out,
                            struct lp_error *err);
void looks_done(struct looks *looks);

/* The HPA was changed, `hpa` is borrowed. Appends a row where that was a look, and a comment where
 * it goes by something else from now on. `moment->pods` is counted by looks->now. */
void looks_changed(struct looks *looks, json_t *hpa, const struct looks_moment *moment,
                   struct lp_buf *out);
/* True where the change of the HPA is a look: its status is another one. */
bool looks_is_look(const struct looks *looks, const json_t *hpa);

/* The HPA was deleted; a look at another of its name goes on. */
void looks_gone(struct looks *looks);

/* When the next look should have been; INT64_MAX: none was yet, or the HPA is gone. */
int64_t looks_next_ms(const struct looks *looks);
/* It changed nothing: its row, at looks_next_ms. */
void looks_unchanged(struct looks *looks, const struct looks_moment *moment, struct lp_buf *out);

/* The row after the last look, until which that holds. */
void looks_end(struct looks *looks, int64_t at_ms, struct lp_buf *out);
