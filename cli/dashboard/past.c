/*
 * A row of points for each service, the older the fewer: a day with a look every two seconds keeps
 * the last minutes in full and still knows the morning.
 *
 * Threads: the reader adds, event loops write; `lock` guards all.
 */
#include "cli/dashboard/past.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

#define KEY 400

enum { PAST_VALUES = 9 };
/* What is seen of a service, by these names in its JSON. */
static const char *const past_names[] = { "ready", "desired", "queue", "rate",  "demand",
                                          "p50",   "p95",     "p99",   "errors" };
_Static_assert(LP_COUNT(past_names) == PAST_VALUES, "a name for each value");

struct point {
    int64_t at_ms;
    float values[PAST_VALUES]; /* NAN: not known */
};

struct row {
    char key[KEY];
    bool watched;
    unsigned n;
    struct point *points; /* owned */
};

struct past {
    pthread_mutex_t lock;
    int64_t look_ms, before_ms; /* of the last look, and of the one before */
    unsigned n, next;           /* next: the row after the one that was added to last */
    struct row rows[PAST_SERVICES];
};

struct past *past_new(void)
{
    struct past *p = lp_alloc(sizeof *p);

    pthread_mutex_init(&p->lock, NULL);
    return p;
}

void past_free(struct past *p)
{
    if (!p)
        return;
    for (unsigned i = 0; i < p->n; i++)
        free(p->rows[i].points);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static int64_t last_of(const struct row *row)
{
    return row->n > 0 ? row->points[row->n - 1].at_ms : 0;
}

/* The row of a service that was not there at the last two looks; for one that is watched that of
 * one that is not, too. NULL: each has to stay. */
static struct row *oldest_locked(struct past *p, bool watched)
{
    struct row *oldest = NULL;

    for (unsigned i = 0; i < p->n; i++) {
        struct row *row = &p->rows[i];
        bool gone = last_of(row) < p->before_ms;
        if ((gone || (watched && !row->watched)) && (!oldest || last_of(row) < last_of(oldest)))
            oldest = row;
    }
    return oldest;
}

/* Services come in the same order at each look. */
static struct row *find_locked(struct past *p, const char *key)
{
    for (unsigned i = 0; i < p->n; i++) {
        struct row *row = &p->rows[(p->next + i) % p->n];
        if (strcmp(row->key, key) == 0)
            return row;
    }
    return NULL;
}

static struct row *row_locked(struct past *p, const char *key, bool watched)
{
    struct row *row = find_locked(p, key);

    if (row)
        return row;
    row = p->n < PAST_SERVICES ? &p->rows[p->n++] : oldest_locked(p, watched);
    if (!row)
        return NULL;
    if (!row->points)
        row->points = lp_alloc(PAST_POINTS * sizeof *row->points);
    snprintf(row->key, sizeof row->key, "%s", key);
    row->n = 0;
    return row;
}

static void thin(struct row *row)
{
    unsigned kept = 0, half = row->n / 2;

    for (unsigned i = 0; i < row->n; i++)
        if (i >= half || i % 2 == 0)
            row->points[kept++] = row->points[i];
    row->n = kept;
}

void past_add(struct past *p, const char *key, int64_t at_ms, bool watched, const json_t *service)
{
    struct point point = { .at_ms = at_ms };

    for (size_t i = 0; i < PAST_VALUES; i++) {
        const json_t *value = json_object_get(service, past_names[i]);
        point.values[i] = json_is_number(value) ? (float)json_number_value(value) : NAN;
    }
    pthread_mutex_lock(&p->lock);
    if (at_ms != p->look_ms) {
        p->before_ms = p->look_ms;
        p->look_ms = at_ms;
    }
    struct row *row = row_locked(p, key, watched);
    if (row) {
        if (row->n == PAST_POINTS)
            thin(row);
        row->watched = watched;
        row->points[row->n++] = point;
        p->next = (unsigned)(row - p->rows) + 1;
    }
    pthread_mutex_unlock(&p->lock);
}

static void write_row(const struct row *row, const char *name, int64_t shift_ms, struct lp_buf *out)
{
    lp_buf_printf(out, "\"%s\":{\"time\":[", name);
    for (unsigned i = 0; i < row->n; i++)
        lp_buf_printf(out, "%s%.3f", i > 0 ? "," : "",
                      (double)(row->points[i].at_ms + shift_ms) / 1000);
    lp_buf_char(out, ']');
    for (size_t v = 0; v < PAST_VALUES; v++) {
        lp_buf_printf(out, ",\"%s\":[", past_names[v]);
        for (unsigned i = 0; i < row->n; i++) {
            double value = (double)row->points[i].values[v];
            lp_buf_str(out, i > 0 ? "," : "");
            if (isnan(value))
                lp_buf_str(out, "null");
            else
                lp_buf_printf(out, "%.6g", value);
        }
        lp_buf_char(out, ']');
    }
    lp_buf_char(out, '}');
}

void past_write(struct past *p, const char *platform, int64_t shift_ms, struct lp_buf *out)
{
    size_t n = strlen(platform);
    bool any = false;

    lp_buf_char(out, '{');
    pthread_mutex_lock(&p->lock);
    for (unsigned i = 0; i < p->n; i++) {
        const struct row *row = &p->rows[i];
        if (strncmp(row->key, platform, n) != 0 || row->key[n] != '/')
            continue;
        lp_buf_str(out, any ? "," : "");
        write_row(row, row->key + n + 1, shift_ms, out);
        any = true;
    }
    pthread_mutex_unlock(&p->lock);
    lp_buf_char(out, '}');
}
