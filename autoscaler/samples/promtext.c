/*
 * What we want from a pod's /metrics page.
 *
 * One pass, line by line, without a copy of the page: a line that does not start with one of our
 * names is skipped, so the cost is that of memchr over the page and of a few dozen numbers. The
 * bytes come from a pod, so nothing is assumed about them: no NUL at the end, any length of line,
 * any number.
 *
 * Threads: none of its own; keeps no state.
 */
#include "autoscaler/samples/promtext.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "metrics/metrics.h"

#define MAX_NUMBER 9.2e12 /* as thousandths still an int64 that an HPA can take */

struct cursor {
    const char *at, *end;
};

static void skip_blanks(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
        c->at++;
}

static bool take(struct cursor *c, char wanted)
{
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

/* A label value up to its closing quote; what is too long for `ret` is refused. */
static bool take_quoted(struct cursor *c, char *ret, size_t size)
{
    size_t n = 0;
    if (!take(c, '"'))
        return false;
    while (c->at < c->end && *c->at != '"') {
        char byte = *c->at++;
        if (byte == '\\') {
            if (c->at == c->end)
                return false;
            byte = *c->at++;
            if (byte == 'n')
                byte = '\n';
        }
        if (byte == '\0' || n + 1 >= size)
            return false;
        ret[n++] = byte;
    }
    ret[n] = '\0';
    return take(c, '"');
}

/* {a="b",c="d"}: the value of `wanted` into `ret_value`, which is empty where it is not there. */
static bool take_labels(struct cursor *c, const char *wanted, char ret_value[PROMTEXT_QUEUE_NAME])
{
    ret_value[0] = '\0';
    if (!take(c, '{'))
        return true;
    while (!take(c, '}')) {
        char value[256];
        skip_blanks(c);
        const char *name = c->at;
        while (c->at < c->end && *c->at != '=' && *c->at != '}')
            c->at++;
        size_t len = (size_t)(c->at - name);
        if (!take(c, '=') || !take_quoted(c, value, sizeof value))
            return false;
        if (len > 0 && len == strlen(wanted) && memcmp(name, wanted, len) == 0) {
            if (strlen(value) >= PROMTEXT_QUEUE_NAME)
                return false;
            memcpy(ret_value, value, strlen(value) + 1);
        }
        skip_blanks(c);
        if (!take(c, ',') && (c->at == c->end || *c->at != '}'))
            return false;
    }
    return true;
}

/* Counters and gauges are mostly short whole numbers, which need no strtod. */
static bool parse_number(const char *text, size_t n, double *ret)
{
    double value = 0;
    size_t i = 0;
    while (i < n && i < 15 && text[i] >= '0' && text[i] <= '9')
        value = value * 10 + (text[i++] - '0');
    if (i == n)
        *ret = value;
    else {
        char *end;
        *ret = strtod(text, &end);
        if (end != text + n)
            return false;
    }
    return n > 0 && isfinite(*ret) && *ret >= 0 && *ret <= MAX_NUMBER;
}

/* The number after the labels; a timestamp may follow it. */
static bool take_number(struct cursor *c, double *ret)
{
    char text[64];
    skip_blanks(c);
    size_t n = 0;
    while (c->at < c->end && *c->at != ' ' && *c->at != '\t' && *c->at != '\r') {
        if (n + 1 >= sizeof text)
            return false;
        text[n++] = *c->at++;
    }
    text[n] = '\0';
    return parse_number(text, n, ret);
}

static int64_t thousandths(double value)
{
    return (int64_t)ceil(value * 1000.0);
}

/* Adds to the one of that name in `list`, which has room for `max`. */
static int add_named(struct promtext_queue *list, unsigned *n, unsigned max, const char *name,
                     int64_t depth, const char *what, struct lp_error *err)
{
    for (unsigned i = 0; i < *n; i++)
        if (strcmp(list[i].name, name) == 0) {
            list[i].depth += depth;
            return 0;
        }
    if (*n == max)
        return lp_error_set(err, LP_E_INVALID, "metrics page: more than %u %s", max, what);
    struct promtext_queue *q = &list[(*n)++];
    memcpy(q->name, name, strlen(name) + 1);
    q->depth = depth;
    return 0;
}

enum series {
    WAITING,
    IN_FLIGHT,
    SLOTS,
    REQUESTS,
    REJECTED,
    SECONDS,
    ANSWERS,
    BUCKET,
    BACKLOG,
    AWAITING,
    CALLS,
    CIRCUITS,
    SKETCH,
    N_SERIES
};

/* `label`: the one whose value counts. */
static const struct series_name {
    const char *text;
    size_t len;
    const char *label;
} names[N_SERIES] = {
#define NAME(text, label)             \
    {                                 \
        text, sizeof(text) - 1, label \
    }
    [WAITING] = NAME("lp_requests_waiting", ""),
    [IN_FLIGHT] = NAME("lp_requests_in_flight", ""),
    [SLOTS] = NAME("lp_request_slots", ""),
    [REQUESTS] = NAME("lp_requests_total", "code"),
    [REJECTED] = NAME("lp_requests_rejected_total", "reason"),
    [SECONDS] = NAME("lp_request_seconds_sum", ""),
    [ANSWERS] = NAME("lp_request_seconds_count", ""),
    [BUCKET] = NAME("lp_request_seconds_bucket", "le"),
    [BACKLOG] = NAME("lp_backlog", "queue"),
    [AWAITING] = NAME("lp_requests_awaiting_upstream", "upstream"),
    [CALLS] = NAME("lp_calls_awaiting_upstream", "upstream"),
    [CIRCUITS] = NAME("lp_circuits_open", "upstream"),
    [SKETCH] = NAME("lp_learners_sketch", "register"),
#undef NAME
};

/* What a page adds up to while it is read. */
struct sums {
    double of[N_SERIES];
    bool seen[N_SERIES];
};

/* Which of ours a line begins with, N_SERIES for none. */
static enum series series_of(struct cursor *c)
{
    size_t left = (size_t)(c->end - c->at);
    if (left < 3 || memcmp(c->at, "lp_", 3) != 0)
        return N_SERIES;
    for (enum series s = 0; s < N_SERIES; s++) {
        size_t len = names[s].len;
        if (left < len || memcmp(c->at, names[s].text, len) != 0)
            continue;
        if (left == len || c->at[len] == '{' || c->at[len] == ' ' || c->at[len] == '\t') {
            c->at += len;
            return s;
        }
    }
    return N_SERIES;
}

/* +Inf, and bounds that are not ours, are left to the count of all answers. */
static void add_bucket(struct promtext_page *page, const char *le, double value)
{
    char *end;
    double bound = strtod(le, &end);
    for (unsigned i = 0; end != le && i < PROMTEXT_BUCKETS && i < lp_metrics_n_seconds; i++)
        if (bound == lp_metrics_seconds[i])
            page->buckets[i] += value;
}

static void add_rejected(struct promtext_page *page, const char *reason, double value)
{
    if (strcmp(reason, "queue_full") == 0 || strcmp(reason, "deadline") == 0 ||
        strcmp(reason, "memory") == 0)
        page->busy += value;
    if (strcmp(reason, "deadline") == 0)
        page->late += value;
}

static void add_requests(struct promtext_page *page, const char *code, double value)
{
    page->uncoded |= code[0] == '\0';
    if (code[0] == '5')
        page->errors += value;
}

static void add_register(struct promtext_page *page, const char *name, double value)
{
    char *end;
    unsigned long i = strtoul(name, &end, 10);

    if (end == name || *end || i >= SKETCH_REGISTERS)
        return;
    page->has_sketch = true;
    page->sketch[i] = (uint8_t)(value < SKETCH_MOST ? value : SKETCH_MOST);
}

/* Of those that have one name for several things: LP_E_INVALID where there are too many. */
static int add_to_list(struct promtext_page *page, enum series s, const char *label, int64_t depth,
                       struct lp_error *err)
{
    if (s == BACKLOG)
        return add_named(page->queues, &page->n_queues, PROMTEXT_QUEUES, label, depth,
                         "lp_backlog queues", err);
    if (s == CIRCUITS)
        return add_named(page->circuits, &page->n_circuits, PROMTEXT_UPSTREAMS, label, depth,
                         "upstreams of lp_circuits_open", err);
    if (s == AWAITING || s == CALLS)
        return add_named(page->upstreams, &page->n_upstreams, PROMTEXT_UPSTREAMS, label, depth,
                         "upstreams", err);
    return 0;
}

static int read_line(struct cursor line, struct promtext_page *page, struct sums *sums,
                     struct lp_error *err)
{
    char label[PROMTEXT_QUEUE_NAME];
    double value;
    enum series s = series_of(&line);
    if (s == N_SERIES)
        return 0;
    skip_blanks(&line);
    if (!take_labels(&line, names[s].label, label) || !take_number(&line, &value))
        return lp_error_set(err, LP_E_INVALID,
                            "metrics page: %s: malformed, or its value is not 0..%.1e",
                            names[s].text, MAX_NUMBER);
    sums->seen[s] = true;
    sums->of[s] += value;
    if (add_to_list(page, s, label, thousandths(value), err) < 0)
        return err->code;
    if (s == REQUESTS)
        add_requests(page, label, value);
    if (s == BUCKET)
        add_bucket(page, label, value);
    else if (s == REJECTED)
        add_rejected(page, label, value);
    else if (s == SKETCH)
        add_register(page, label, value);
    return sums->of[s] <= MAX_NUMBER || s == BUCKET
               ? 0
               : lp_error_set(err, LP_E_INVALID, "metrics page: %s: over %.1e in all",
                              names[s].text, MAX_NUMBER);
}

static void finish(struct promtext_page *page, const struct sums *sums)
{
    page->waiting = thousandths(sums->of[WAITING]);
    page->in_flight = thousandths(sums->of[IN_FLIGHT]);
    page->slots = thousandths(sums->of[SLOTS]);
    page->awaiting = thousandths(sums->of[AWAITING]);
    page->has_awaiting = sums->seen[AWAITING];
    page->requests = sums->of[REQUESTS];
    page->rejected = sums->of[REJECTED];
    page->seconds = sums->of[SECONDS];
    page->answers = sums->of[ANSWERS];
    /* A service that has answered nothing yet has no series of its answers. */
    page->has_load = page->slots > 0 && sums->seen[REQUESTS] == sums->seen[ANSWERS] &&
                     sums->seen[SECONDS] == sums->seen[ANSWERS];
}

int promtext_parse(const char *bytes, size_t len, struct promtext_page *ret_page,
                   struct lp_error *err)
{
    struct promtext_page page = { 0 };
    struct sums sums = { { 0 }, { false } };

    while (len > 0) {
        const char *newline = memchr(bytes, '\n', len);
        size_t n = newline ? (size_t)(newline - bytes) : len;
        int r = read_line((struct cursor){ bytes, bytes + n }, &page, &sums, err);
        if (r < 0)
            return r;
        size_t eaten = newline ? n + 1 : n;
        bytes += eaten;
        len -= eaten;
    }
    for (enum series s = WAITING; s <= IN_FLIGHT; s++)
        if (!sums.seen[s])
            return lp_error_set(err, LP_E_INVALID, "metrics page: %s is missing", names[s].text);
    finish(&page, &sums);
    *ret_page = page;
    return 0;
}
