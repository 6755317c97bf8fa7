/* cli/trace.h -- the load of a service over time, from a CSV file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum trace_column {
    TRACE_CPU,          /* cores that all pods use together */
    TRACE_MEMORY,       /* bytes, together */
    TRACE_QUEUE_DEPTH,  /* requests waiting and in flight, together */
    TRACE_ARRIVAL_RATE, /* requests a second; with service_time, instead of queue_depth */
    TRACE_SERVICE_TIME, /* seconds that a slot is taken by a request */
    TRACE_REQUEST_CPU,  /* milliseconds of CPU that a request takes; instead of cpu */
    TRACE_DEMAND,       /* pods that the load needs; of a trace without arrival_rate */
    TRACE_SEEN_QUEUE,   /* what the platform had that was recorded: for people, decides nothing */
    TRACE_SEEN_REPLICAS,
    TRACE_SEEN_READY,   /* pods; these and replicas are what --as-recorded goes by */
    TRACE_SEEN_COUNTED, /* of them those whose CPU counts, as they have been ready for long enough
                         */
    TRACE_SEEN_MISSING, /* pods that run and have no sample */
    TRACE_SEEN_PENDING, /* pods that do not run yet */
    TRACE_SEEN_SPEC,    /* spec.replicas, where others than the HPA have changed it */
    TRACE_SEEN_MIN,     /* minReplicas, where something had lifted it */
    TRACE_DECIDED,      /* the replicas that the HPA wanted from then on */
    TRACE_COLUMNS
};
extern const char *const trace_columns[TRACE_COLUMNS];

/* What holds from at_ms on until the next row; milli units, -1: no value. */
struct trace_row {
    int64_t at_ms;
    int64_t values[TRACE_COLUMNS];
};

/* At least two rows, at_ms ascending, 31 days at most from the first to the last. */
struct trace {
    struct trace_row *rows;
    size_t n;
    bool has[TRACE_COLUMNS];
};

void trace_done(struct trace *trace);
#define trace_auto __attribute__((cleanup(trace_done)))

/*
 * Reads a header line, `time` and names of trace_columns, and below it one row a line: seconds to
 * the millisecond, and quantities ("2", "0.5", "250m", "2Gi"); an empty cell is a missing value.
 * Lines that begin with # are comments. A column may name its service, "auth.arrival_rate": those
 * of others than `service` (NULL: all of these) are left out. `what` names the source. LP_E_INVALID
 * with line, column, value and what is allowed; LP_E_TOO_LARGE.
 */
LP_MUST_USE int trace_parse(const char *bytes, size_t len, const char *what, const char *service,
                            struct trace *ret_trace, struct lp_error *err);

/* The services that columns of the header name, as bits by enum service_id; 0: none, or it is no
 * header. */
unsigned trace_services(const char *bytes, size_t len);
