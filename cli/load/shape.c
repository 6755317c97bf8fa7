/* cli/load/shape.c -- see shape.h. */
#include "cli/load/shape.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"

/* The rise of an exam: a minute of the whole, a tenth of a short run. */
static double exam_rise(double seconds)
{
    return seconds < 600 ? 0.1 : 60 / seconds;
}

bool shape_named(const char *name, double seconds, struct shape *ret)
{
    const struct {
        const char *name;
        struct shape shape;
    } named[] = {
        { "flat", { { { 0, 1 }, { 1, 1 } }, 2 } },
        { "ramp", { { { 0, 0 }, { 0.5, 1 }, { 1, 1 } }, 3 } },
        { "steps",
          { { { 0, 0.25 },
              { 0.25, 0.25 },
              { 0.25, 0.5 },
              { 0.5, 0.5 },
              { 0.5, 0.75 },
              { 0.75, 0.75 },
              { 0.75, 1 },
              { 1, 1 } },
            8 } },
        { "exam",
          { { { 0, 0.1 },
              { 0.25, 0.1 },
              { 0.25 + exam_rise(seconds), 1 },
              { 0.8, 1 },
              { 0.8, 0.1 },
              { 1, 0.1 } },
            6 } },
    };

    for (size_t i = 0; i < LP_COUNT(named); i++) {
        if (strcmp(named[i].name, name) == 0) {
            *ret = named[i].shape;
            return true;
        }
    }
    return false;
}

/* Between points i and i + 1. */
static double load_in(const struct shape *s, int i, double at)
{
    const struct shape_point *a = &s->points[i], *b = a + 1;
    return b->at > a->at ? a->load + (b->load - a->load) * (at - a->at) / (b->at - a->at) : b->load;
}

double shape_load(const struct shape *s, double at)
{
    for (int i = 0; i + 1 < s->n; i++)
        if (at < s->points[i + 1].at)
            return load_in(s, i, at);
    return s->points[s->n - 1].load;
}

double shape_reaches(const struct shape *s, double at, double load)
{
    for (int i = 0; i + 1 < s->n; i++) {
        const struct shape_point *a = &s->points[i], *b = a + 1;
        if (b->at <= at || b->at <= a->at)
            continue;
        double from = at > a->at ? at : a->at;
        if (load_in(s, i, from) >= load)
            return from;
        if (b->load >= load)
            return a->at + (load - a->load) * (b->at - a->at) / (b->load - a->load);
    }
    return -1;
}

static double area_of(const struct shape_point *a, const struct shape_point *b)
{
    return (b->at - a->at) * (a->load + b->load) / 2;
}

double shape_total(const struct shape *s)
{
    double total = 0;

    for (int i = 0; i + 1 < s->n; i++)
        total += area_of(&s->points[i], &s->points[i + 1]);
    return total;
}

double shape_when(const struct shape *s, double amount)
{
    for (int i = 0; i + 1 < s->n; i++) {
        const struct shape_point *a = &s->points[i], *b = a + 1;
        double area = area_of(a, b);
        if (area <= 0 || amount > area) {
            amount -= area;
            continue;
        }
        /* amount = load x + slope x^2 / 2, solved in the form that is exact for a small slope */
        double slope = (b->load - a->load) / (b->at - a->at);
        double root = sqrt(fmax(0, a->load * a->load + 2 * slope * amount));
        return root + a->load > 0 ? a->at + 2 * amount / (a->load + root) : a->at;
    }
    return -1;
}

double random_unit(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

void arrivals_init(struct arrivals *a, const struct shape *shape, double rate, double seconds,
                   uint64_t seed)
{
    *a = (struct arrivals){ .shape = shape, .rate = rate, .seconds = seconds, .random = seed };
}

double arrivals_next(struct arrivals *a)
{
    a->amount += -log(1 - random_unit(&a->random)) / (a->rate * a->seconds);
    double at = shape_when(a->shape, a->amount);
    return at < 0 ? -1 : at * a->seconds;
}
