/* services/progress/rollup.c -- sums of an hour. No state. */
#include "services/progress/rollup.h"

#include <math.h>
#include <string.h>

int64_t rollup_hour(int64_t at_ms)
{
    return at_ms / ROLLUP_HOUR_MS * ROLLUP_HOUR_MS;
}

/* How much of `name` has a place, in whole characters. */
static size_t length_of(const char *name)
{
    size_t n = strnlen(name, ROLLUP_NAME + 1);

    if (n > ROLLUP_NAME)
        for (n = ROLLUP_NAME; n > 0 && (name[n] & 0xc0) == 0x80;)
            n--;
    return n;
}

static struct rollup_figures *figures_of(struct rollup *r, const char *name)
{
    size_t n = length_of(name);

    for (size_t i = 0; i < r->n_names; i++)
        if (strncmp(r->names[i].name, name, n) == 0 && r->names[i].name[n] == '\0')
            return &r->names[i].figures;
    if (r->n_names == ROLLUP_NAMES)
        return &r->others;
    struct rollup_name *added = &r->names[r->n_names++];
    *added = (struct rollup_name){ 0 };
    memcpy(added->name, name, n);
    return &added->figures;
}

void rollup_add(struct rollup *r, const struct rollup_activity *a)
{
    struct rollup_figures *f = figures_of(r, a->name);
    unsigned place, least;

    r->quarters[(a->at_ms - r->hour_ms) / (ROLLUP_HOUR_MS / ROLLUP_QUARTERS)]++;
    sketch_place(a->user_id, strlen(a->user_id), &place, &least);
    if (r->learners[place] < least)
        r->learners[place] = (uint8_t)least;
    f->count++;
    if (a->has_score && fabs(a->score) <= ROLLUP_SCORE) {
        f->scored++;
        f->sum += a->score;
    }
    if (a->feedback)
        feedback_merge(&r->feedback, a->feedback);
}

int64_t rollup_count(const struct rollup *r)
{
    int64_t n = 0;

    for (size_t q = 0; q < ROLLUP_QUARTERS; q++)
        n += r->quarters[q];
    return n;
}

void rollup_reset(struct rollup *r)
{
    memset(r->quarters, 0, sizeof r->quarters);
    memset(r->learners, 0, sizeof r->learners);
    r->others = (struct rollup_figures){ 0 };
    feedback_reset(&r->feedback);
    for (size_t i = 0; i < r->n_names; i++)
        r->names[i].figures = (struct rollup_figures){ 0 };
}
