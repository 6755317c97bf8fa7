/*
 * What we want from a pod's /metrics page.
 *
 * One pass, line by line, without a copy of the page: a line that does not start with one of three
 * names is skipped, so the cost is that of memchr over the page. The bytes come from a pod, so
 * nothing is assumed about them: no NUL at the end, any length of line, any number.
 *
 * Threads: none of its own; keeps no state.
 */
#include "autoscaler/promtext.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define MAX_DEPTH                                                                   \
    9.2e12 /* in whole requests; as thousandths still an int64 that an HPA can take \
            */

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
        if (len == strlen(wanted) && memcmp(name, wanted, len) == 0) {
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

/* The number after the labels; a timestamp may follow it. */
static bool take_number(struct cursor *c, int64_t *ret_milli)
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
    char *end = text;
    double value = strtod(text, &end);
    if (n == 0 || *end != '\0' || !isfinite(value) || value < 0 || value > MAX_DEPTH)
        return false;
    *ret_milli = (int64_t)ceil(value * 1000.0);
    return true;
}

static int add_queue(struct promtext_page *page, const char *name, int64_t depth,
                     struct lp_error *err)
{
    for (unsigned i = 0; i < page->n_queues; i++)
        if (strcmp(page->queues[i].name, name) == 0) {
            page->queues[i].depth += depth;
            return 0;
        }
    if (page->n_queues == PROMTEXT_QUEUES)
        return lp_error_set(err, LP_E_INVALID, "metrics page: more than %d lp_backlog queues",
                            PROMTEXT_QUEUES);
    struct promtext_queue *q = &page->queues[page->n_queues++];
    memcpy(q->name, name, strlen(name) + 1);
    q->depth = depth;
    return 0;
}

enum series { WAITING, IN_FLIGHT, BACKLOG, N_SERIES };
static const char *const names[N_SERIES] = { "lp_requests_waiting", "lp_requests_in_flight",
                                             "lp_backlog" };

/* Which of ours a line begins with, N_SERIES for none. */
static enum series series_of(struct cursor *c)
{
    size_t left = (size_t)(c->end - c->at);
    if (left < 3 || memcmp(c->at, "lp_", 3) != 0)
        return N_SERIES;
    for (enum series s = 0; s < N_SERIES; s++) {
        size_t len = strlen(names[s]);
        if (left < len || memcmp(c->at, names[s], len) != 0)
            continue;
        if (left == len || c->at[len] == '{' || c->at[len] == ' ' || c->at[len] == '\t') {
            c->at += len;
            return s;
        }
    }
    return N_SERIES;
}

static int read_line(struct cursor line, struct promtext_page *page, bool seen[N_SERIES],
                     struct lp_error *err)
{
    char queue[PROMTEXT_QUEUE_NAME];
    int64_t value;
    enum series s = series_of(&line);
    if (s == N_SERIES)
        return 0;
    skip_blanks(&line);
    if (!take_labels(&line, "queue", queue) || !take_number(&line, &value))
        return lp_error_set(err, LP_E_INVALID,
                            "metrics page: %s: malformed, or its value is not 0..%.1e", names[s],
                            MAX_DEPTH);
    seen[s] = true;
    if (s == BACKLOG)
        return add_queue(page, queue, value, err);
    int64_t *sum = s == WAITING ? &page->waiting : &page->in_flight;
    if (__builtin_add_overflow(*sum, value, sum))
        return lp_error_set(err, LP_E_INVALID, "metrics page: %s: too large", names[s]);
    return 0;
}

int promtext_parse(const char *bytes, size_t len, struct promtext_page *ret_page,
                   struct lp_error *err)
{
    struct promtext_page page = { 0 };
    bool seen[N_SERIES] = { false };

    while (len > 0) {
        const char *newline = memchr(bytes, '\n', len);
        size_t n = newline ? (size_t)(newline - bytes) : len;
        int r = read_line((struct cursor){ bytes, bytes + n }, &page, seen, err);
        if (r < 0)
            return r;
        size_t eaten = newline ? n + 1 : n;
        bytes += eaten;
        len -= eaten;
    }
    for (enum series s = 0; s < BACKLOG; s++)
        if (!seen[s])
            return lp_error_set(err, LP_E_INVALID, "metrics page: %s is missing", names[s]);
    *ret_page = page;
    return 0;
}
