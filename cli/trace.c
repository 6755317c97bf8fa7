/* cli/trace.c -- see the header. No state. */
#include "cli/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "kube/quantity.h"
#include "platform/plan.h"

#define MAX_CELL 40
#define MAX_TIME INT64_C(100000000000000) /* ms; the year 5138 */
#define MAX_SPAN (INT64_C(31) * 86400000)

const char *const trace_columns[TRACE_COLUMNS] = {
    [TRACE_CPU] = "cpu",
    [TRACE_MEMORY] = "memory",
    [TRACE_QUEUE_DEPTH] = "queue_depth",
    [TRACE_ARRIVAL_RATE] = "arrival_rate",
    [TRACE_SERVICE_TIME] = "service_time",
    [TRACE_REQUEST_CPU] = "request_cpu_ms",
    [TRACE_DEMAND] = "demand",
    [TRACE_SEEN_QUEUE] = "seen_queue_depth",
    [TRACE_SEEN_REPLICAS] = "seen_replicas",
    [TRACE_SEEN_READY] = "seen_ready",
    [TRACE_SEEN_COUNTED] = "seen_counted",
    [TRACE_SEEN_MISSING] = "seen_missing",
    [TRACE_SEEN_PENDING] = "seen_pending",
    [TRACE_SEEN_SPEC] = "seen_spec",
    [TRACE_SEEN_MIN] = "seen_min",
    [TRACE_DECIDED] = "decided",
};

/* The greatest values, so that no sum of a simulation leaves int64. */
static const struct {
    int64_t milli;
    const char *text;
} most[TRACE_COLUMNS] = {
    [TRACE_CPU] = { INT64_C(1000000000), "1M" },
    [TRACE_MEMORY] = { INT64_C(10000000000000000), "10T" },
    [TRACE_QUEUE_DEPTH] = { INT64_C(1000000000000), "1G" },
    [TRACE_ARRIVAL_RATE] = { INT64_C(1000000000), "1M" },
    [TRACE_SERVICE_TIME] = { INT64_C(86400000), "86400" },
    [TRACE_REQUEST_CPU] = { INT64_C(86400000000), "86.4M" },
    [TRACE_DEMAND] = { INT64_C(1000000000), "1M" },
    [TRACE_SEEN_QUEUE] = { INT64_C(1000000000000), "1G" },
    [TRACE_SEEN_REPLICAS] = { INT64_C(1000000000), "1M" },
    [TRACE_SEEN_READY] = { INT64_C(1000000000), "1M" },
    [TRACE_SEEN_COUNTED] = { INT64_C(1000000000), "1M" },
    [TRACE_SEEN_MISSING] = { INT64_C(1000000000), "1M" },
    [TRACE_SEEN_PENDING] = { INT64_C(1000000000), "1M" },
    [TRACE_SEEN_SPEC] = { INT64_C(1000000000), "1M" },
    [TRACE_SEEN_MIN] = { INT64_C(1000000000), "1M" },
    [TRACE_DECIDED] = { INT64_C(1000000000), "1M" },
};

#define MAX_HEADER ((size_t)TRACE_COLUMNS * (N_SERVICES + 1))

/* Where the reader is. `columns` are those of the header after `time`, in its order; TRACE_COLUMNS:
 * of another service. */
struct reader {
    const char *what, *service, *at, *end;
    size_t line;
    enum trace_column columns[MAX_HEADER];
    size_t n_columns, n_ours;
};

void trace_done(struct trace *trace)
{
    free(trace->rows);
    *trace = (struct trace){ 0 };
}

/* The next line that is no comment, without its end. 0: there is none. */
static int next_line(struct reader *r, const char **ret_line, size_t *ret_len, struct lp_error *err)
{
    while (r->at < r->end) {
        const char *line = r->at;
        const char *newline = memchr(line, '\n', (size_t)(r->end - line));
        size_t len = (size_t)((newline ? newline : r->end) - line);
        r->at = newline ? newline + 1 : r->end;
        r->line++;
        if (len > LP_LIMIT_TRACE_LINE)
            return lp_error_set(err, LP_E_INVALID,
                                "%.256s: line %zu: must be at most %d bytes, is %zu", r->what,
                                r->line, LP_LIMIT_TRACE_LINE, len);
        if (memchr(line, '\0', len))
            return lp_error_set(err, LP_E_INVALID, "%.256s: line %zu: must be text, has a NUL byte",
                                r->what, r->line);
        if (len > 0 && line[0] == '#')
            continue;
        *ret_line = line;
        *ret_len = len > 0 && line[len - 1] == '\r' ? len - 1 : len;
        return 1;
    }
    return 0;
}

/* Copies the next cell of a line, without blanks around it, and moves past its comma. False where
 * the line has no more. *ret_n is its length before it is cut to fit. */
static bool next_cell(const char **at, const char *end, char cell[MAX_CELL + 1], size_t *ret_n)
{
    const char *from = *at;
    if (!from)
        return false;
    const char *comma = memchr(from, ',', (size_t)(end - from));
    const char *to = comma ? comma : end;

    *at = comma ? comma + 1 : NULL;
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    *ret_n = (size_t)(to - from);
    snprintf(cell, MAX_CELL + 1, "%.*s", (int)(*ret_n < MAX_CELL ? *ret_n : MAX_CELL), from);
    return true;
}

/* The service that a column names, "auth.cpu"; -1: none. */
static int service_of(const char *name)
{
    for (int id = 0; id < N_SERVICES; id++) {
        size_t n = strlen(service_kinds[id].name);
        if (strncmp(name, service_kinds[id].name, n) == 0 && name[n] == '.')
            return id;
    }
    return -1;
}

static unsigned column_of(const char *name)
{
    unsigned i = 0;

    while (i < TRACE_COLUMNS && strcmp(name, trace_columns[i]) != 0)
        i++;
    return i;
}

static int add_column(struct reader *r, const char *name, struct trace *trace, struct lp_error *err)
{
    int id = service_of(name);
    unsigned i = column_of(id < 0 ? name : strchr(name, '.') + 1);
    bool ours = id < 0 || !r->service || strcmp(r->service, service_kinds[id].name) == 0;

    if (i == TRACE_COLUMNS)
        return lp_error_set(err, LP_E_INVALID,
                            "%.256s: line %zu: a column must be cpu, memory, queue_depth, "
                            "arrival_rate, service_time, request_cpu_ms, demand, "
                            "seen_queue_depth, seen_replicas, seen_ready, seen_counted, "
                            "seen_missing, seen_pending, seen_spec, seen_min or decided, or one of "
                            "these after a service's name and a dot, is "
                            "\"%s\"",
                            r->what, r->line, name);
    if (ours && trace->has[i])
        return lp_error_set(err, LP_E_INVALID, "%.256s: line %zu: column %s is there twice",
                            r->what, r->line, name);
    if (r->n_columns == MAX_HEADER)
        return lp_error_set(err, LP_E_INVALID, "%.256s: line %zu: must have at most %zu columns",
                            r->what, r->line, MAX_HEADER);
    if (ours)
        trace->has[i] = true;
    r->n_ours += ours;
    r->columns[r->n_columns++] = ours ? (enum trace_column)i : TRACE_COLUMNS;
    return 0;
}

/* Which columns go together. */
static int check_columns(const struct reader *r, const struct trace *trace, struct lp_error *err)
{
    const bool *has = trace->has;

    if (r->n_ours == 0)
        return lp_error_set(
            err, LP_E_INVALID, "%.256s: line %zu: a column of a metric%s%s must follow time",
            r->what, r->line, r->n_columns > 0 ? " of " : "", r->n_columns > 0 ? r->service : "");
    if (has[TRACE_ARRIVAL_RATE] != has[TRACE_SERVICE_TIME])
        return lp_error_set(err, LP_E_INVALID,
                            "%.256s: line %zu: arrival_rate and service_time must be there "
                            "together, only %s is",
                            r->what, r->line,
                            has[TRACE_ARRIVAL_RATE] ? "arrival_rate" : "service_time");
    if (has[TRACE_ARRIVAL_RATE] && (has[TRACE_QUEUE_DEPTH] || has[TRACE_DEMAND]))
        return lp_error_set(err, LP_E_INVALID,
                            "%.256s: line %zu: must have %s, or arrival_rate of which it is made, "
                            "has both",
                            r->what, r->line,
                            trace_columns[has[TRACE_DEMAND] ? TRACE_DEMAND : TRACE_QUEUE_DEPTH]);
    if (has[TRACE_REQUEST_CPU] && (has[TRACE_CPU] || !has[TRACE_ARRIVAL_RATE]))
        return lp_error_set(err, LP_E_INVALID,
                            "%.256s: line %zu: request_cpu_ms needs arrival_rate, and no cpu "
                            "beside it",
                            r->what, r->line);
    return 0;
}

static int read_header(struct reader *r, struct trace *trace, struct lp_error *err)
{
    const char *line;
    char cell[MAX_CELL + 1];
    size_t len, n;

    int found = next_line(r, &line, &len, err);
    if (found == 0)
        return lp_error_set(err, LP_E_INVALID,
                            "%.256s: must begin with a line of columns, is empty", r->what);
    if (found < 0)
        return found;
    const char *at = line;
    if (!next_cell(&at, line + len, cell, &n) || strcmp(cell, "time") != 0)
        return lp_error_set(err, LP_E_INVALID,
                            "%.256s: line %zu: the first column must be time, is \"%s\"", r->what,
                            r->line, cell);
    while (next_cell(&at, line + len, cell, &n)) {
        int e = add_column(r, cell, trace, err);
        if (e < 0)
            return e;
    }
    return check_columns(r, trace, err);
}

/* Decimal seconds to milliseconds: a number without suffix, of at most three decimals. */
static bool read_time(const char *cell, int64_t *ret_ms)
{
    struct lp_error ignored;
    const char *point = strchr(cell, '.');

    return cell[strspn(cell, "0123456789.")] == '\0' && (!point || strlen(point) <= 4) &&
           lp_quantity_parse(cell, ret_ms, &ignored) == 0 && *ret_ms <= MAX_TIME;
}

static int check_time(const struct reader *r, const struct trace *trace, int64_t at_ms,
                      const char *cell, struct lp_error *err)
{
    if (trace->n == 0)
        return 0;
    int64_t first = trace->rows[0].at_ms, before = trace->rows[trace->n - 1].at_ms;
    if (at_ms <= before)
        return lp_error_set(err, LP_E_INVALID,
                            "%.256s: line %zu: time: must be after %" PRId64 ".%03d of the row "
                            "before, is %s",
                            r->what, r->line, before / 1000, (int)(before % 1000), cell);
    if (at_ms - first > MAX_SPAN)
        return lp_error_set(err, LP_E_INVALID,
                            "%.256s: line %zu: time: must be at most 31 days after the first, "
                            "is %s",
                            r->what, r->line, cell);
    return 0;
}

/* An empty cell is a missing value. */
static int read_value(const struct reader *r, enum trace_column column, const char *cell, size_t n,
                      int64_t *ret_milli, struct lp_error *err)
{
    struct lp_error ignored;

    if (n == 0) {
        *ret_milli = -1;
        return 0;
    }
    if (n > MAX_CELL || lp_quantity_parse(cell, ret_milli, &ignored) < 0 ||
        *ret_milli > most[column].milli)
        return lp_error_set(err, LP_E_INVALID,
                            "%.256s: line %zu: %s: must be a number of 0 to %s such as 2, 0.5, "
                            "250m or 2Gi, is \"%s\"",
                            r->what, r->line, trace_columns[column], most[column].text, cell);
    if (column == TRACE_SERVICE_TIME && *ret_milli == 0)
        return lp_error_set(err, LP_E_INVALID, "%.256s: line %zu: service_time: must be over 0",
                            r->what, r->line);
    return 0;
}

/* Of what the backlog is made both are known, or neither. */
static int check_row(const struct reader *r, const struct trace_row *row, size_t cells,
                     struct lp_error *err)
{
    bool rate = row->values[TRACE_ARRIVAL_RATE] >= 0, time = row->values[TRACE_SERVICE_TIME] >= 0;

    if (cells != r->n_columns + 1)
        return lp_error_set(err, LP_E_INVALID, "%.256s: line %zu: must have %zu cells, has %zu",
                            r->what, r->line, r->n_columns + 1, cells);
    if (rate != time)
        return lp_error_set(err, LP_E_INVALID,
                            "%.256s: line %zu: %s: must be there beside %s, is \"\"", r->what,
                            r->line, trace_columns[rate ? TRACE_SERVICE_TIME : TRACE_ARRIVAL_RATE],
                            trace_columns[rate ? TRACE_ARRIVAL_RATE : TRACE_SERVICE_TIME]);
    return 0;
}

static int read_cell(const struct reader *r, size_t i, const char *cell, size_t n,
                     const struct trace *trace, struct trace_row *row, struct lp_error *err)
{
    if (i == 0 && (n > MAX_CELL || n == 0 || !read_time(cell, &row->at_ms)))
        return lp_error_set(err, LP_E_INVALID,
                            "%.256s: line %zu: time: must be seconds of 0 to %" PRId64
                            " with at most three decimals, is \"%s\"",
                            r->what, r->line, MAX_TIME / 1000, cell);
    if (i == 0)
        return check_time(r, trace, row->at_ms, cell, err);
    if (i > r->n_columns || r->columns[i - 1] == TRACE_COLUMNS)
        return 0;
    return read_value(r, r->columns[i - 1], cell, n, &row->values[r->columns[i - 1]], err);
}

static int read_row(const struct reader *r, const char *line, size_t len, const struct trace *trace,
                    struct trace_row *row, struct lp_error *err)
{
    const char *at = line;
    char cell[MAX_CELL + 1];
    size_t n, cells = 0;

    for (unsigned i = 0; i < TRACE_COLUMNS; i++)
        row->values[i] = -1;
    while (next_cell(&at, line + len, cell, &n)) {
        int e = read_cell(r, cells, cell, n, trace, row, err);
        if (e < 0)
            return e;
        cells++;
    }
    return check_row(r, row, cells, err);
}

static int read_rows(struct reader *r, struct trace *trace, struct lp_error *err)
{
    const char *line;
    size_t len, room = 0;
    int found;

    while ((found = next_line(r, &line, &len, err)) > 0) {
        if (trace->n == LP_LIMIT_TRACE_ROWS)
            return lp_error_set(err, LP_E_TOO_LARGE, "%.256s: line %zu: over %d rows", r->what,
                                r->line, LP_LIMIT_TRACE_ROWS);
        if (trace->n == room) {
            room = room ? 2 * room : 64;
            trace->rows = lp_realloc(trace->rows, room * sizeof *trace->rows);
        }
        int e = read_row(r, line, len, trace, &trace->rows[trace->n], err);
        if (e < 0)
            return e;
        trace->n++;
    }
    if (found == 0 && trace->n < 2)
        return lp_error_set(err, LP_E_INVALID, "%.256s: must have two rows or more, has %zu",
                            r->what, trace->n);
    return found;
}

unsigned trace_services(const char *bytes, size_t len)
{
    struct reader r = { .what = "", .at = bytes, .end = bytes + len };
    const char *line;
    char cell[MAX_CELL + 1];
    struct lp_error ignored;
    unsigned services = 0;
    size_t n;

    if (next_line(&r, &line, &len, &ignored) <= 0)
        return 0;
    for (const char *at = line; next_cell(&at, line + len, cell, &n);) {
        int id = service_of(cell);
        services |= id >= 0 ? 1U << id : 0;
    }
    return services;
}

int trace_parse(const char *bytes, size_t len, const char *what, const char *service,
                struct trace *ret_trace, struct lp_error *err)
{
    struct reader r = { .what = what, .service = service, .at = bytes, .end = bytes + len };
    trace_auto struct trace trace = { 0 };

    if (len > LP_LIMIT_TRACE_BYTES)
        return lp_error_set(err, LP_E_TOO_LARGE, "%.256s: over %d bytes", what,
                            LP_LIMIT_TRACE_BYTES);
    int e = read_header(&r, &trace, err);
    if (e == 0)
        e = read_rows(&r, &trace, err);
    if (e < 0)
        return e;
    *ret_trace = trace;
    trace.rows = NULL;
    return 0;
}
