/* services/progress/day.c -- sums of a day. No state. */
#include "services/progress/day.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

_Static_assert(DAY_QUARTERS == DAY_HOURS * ROLLUP_QUARTERS, "quarters of a day");
_Static_assert(DAY_TABLE == DAY_HOURS * ROLLUP_NAMES, "names of a day");

int64_t day_begin(int64_t at_ms)
{
    return at_ms / DAY_MS * DAY_MS;
}

struct day *day_new(int64_t day_ms, size_t room)
{
    struct day *d = lp_alloc(sizeof *d + room * sizeof d->names[0]);

    d->day_ms = day_ms;
    d->room = room;
    return d;
}

/* ---- sums ---- */

void day_sums_add(struct day_sums *s, const struct rollup_figures *hour, double day)
{
    double n = (double)hour->scored;

    s->count += hour->count;
    s->scored += hour->scored;
    s->sum += hour->sum;
    s->x += n * day;
    s->xx += n * day * day;
    s->xy += day * hour->sum;
}

void day_sums_merge(struct day_sums *into, const struct day_sums *more, double shift)
{
    double n = (double)more->scored;

    into->count += more->count;
    into->scored += more->scored;
    into->sum += more->sum;
    into->x += more->x + n * shift;
    into->xx += more->xx + 2 * shift * more->x + n * shift * shift;
    into->xy += more->xy + shift * more->sum;
}

static int by_count(const void *left, const void *right)
{
    const struct day_name *l = left, *r = right;

    if (l->figures.count != r->figures.count)
        return l->figures.count > r->figures.count ? -1 : 1;
    return strcmp(l->name, r->name);
}

size_t day_names_cut(struct day_name *names, size_t n, size_t most, struct day_sums *others)
{
    qsort(names, n, sizeof *names, by_count);
    while (n > most)
        day_sums_merge(others, &names[--n].figures, 0);
    while (n > 0 && names[n - 1].figures.count == 0)
        n--;
    return n;
}

/* ---- hours ---- */

static struct day_sums *sums_of(struct day *d, const char *name)
{
    for (size_t i = 0; i < d->n_names; i++)
        if (strcmp(d->names[i].name, name) == 0)
            return &d->names[i].figures;
    if (d->n_names == d->room)
        return &d->others;
    struct day_name *added = &d->names[d->n_names++];
    *added = (struct day_name){ 0 };
    memcpy(added->name, name, strlen(name) + 1);
    return &added->figures;
}

void day_add(struct day *d, const struct rollup *hour)
{
    int64_t in_ms = hour->hour_ms - d->day_ms;
    int64_t middle_ms = in_ms + ROLLUP_HOUR_MS / 2;
    double middle = (double)middle_ms / (double)DAY_MS;

    if (in_ms < 0 || in_ms >= DAY_MS)
        return;
    for (size_t q = 0; q < ROLLUP_QUARTERS; q++)
        d->quarters[(size_t)(in_ms / ROLLUP_HOUR_MS) * ROLLUP_QUARTERS + q] += hour->quarters[q];
    d->hours++;
    sketch_merge(d->learners, hour->learners);
    feedback_merge(&d->feedback, &hour->feedback);
    day_sums_add(&d->others, &hour->others, middle);
    for (size_t i = 0; i < hour->n_names; i++)
        day_sums_add(sums_of(d, hour->names[i].name), &hour->names[i].figures, middle);
}

void day_finish(struct day *d)
{
    d->n_names = day_names_cut(d->names, d->n_names, DAY_NAMES, &d->others);
}
