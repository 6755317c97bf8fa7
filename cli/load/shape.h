/* cli/load/shape.h -- how a load grows and falls over its time, and when its rounds arrive. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SHAPE_POINTS 64

/*
 * The part of the whole load (0..1) over the part of the whole time (0..1): straight lines between
 * points, `at` ascending from 0 to 1; two points with the same `at` are a step.
 */
struct shape {
    struct shape_point {
        double at, load;
    } points[SHAPE_POINTS];
    int n; /* 2 and more */
};

/*
 * "flat": all of it from the beginning. "ramp": from nothing to all over the first half. "steps": a
 * quarter more each quarter. "exam": a tenth for a quarter of the time, ten times that within a
 * minute (a tenth of a run under ten minutes), back to a tenth for the last fifth. False: no such
 * name.
 */
bool shape_named(const char *name, double seconds, struct shape *ret);

/* The load at `at`. */
double shape_load(const struct shape *s, double at);

/* The earliest moment from `at` on when the load is at least `load`; -1: there is none. */
double shape_reaches(const struct shape *s, double at, double load);

/*
 * The moment by which `amount` has come, where `shape_total` comes in all: the inverse of the load
 * summed over time. -1 where less comes in all.
 */
double shape_when(const struct shape *s, double amount);
double shape_total(const struct shape *s);

/*
 * When rounds begin in an open model: independent of each other (a Poisson process), `rate` a
 * second where the load is 1, the same for the same seed.
 */
struct arrivals {
    const struct shape *shape;
    double rate, seconds;
    uint64_t random;
    double amount; /* that the next one comes at */
};
void arrivals_init(struct arrivals *a, const struct shape *shape, double rate, double seconds,
                   uint64_t seed);

/* Seconds since the beginning of the next arrival; -1: none is left. */
double arrivals_next(struct arrivals *a);

/* A number in [0, 1); `state` goes on (splitmix64). */
double random_unit(uint64_t *state);
