/*
 * bench/learning/simulate.c -- learners of four families before an exam, each with every tutor:
 * what they know that day, and the minutes that they spent. README.md explains; ./curves makes the
 * table and the curves.
 *
 *   lp-learning-simulate [LEARNERS [DAYS [MINUTES [SEED [FAMILY]]]]]
 *
 * One line a family and tutor: family tutor minutes-a-day mean interval spent asked. The interval
 * is half of that of 95 % of the mean over learners (normal).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "bench/learning/families.h"
#include "bench/learning/tutors.h"
#include "services/learning/recommend/bandit.h"

#define DAY_S 86400.0

struct course {
    int learners, days;
    double minutes;
    uint64_t seed;
};

/* Of many learners. */
struct sum {
    double known, squares, spent_s;
    int n, asked;
};

/* again where it was not recalled; else hard and easy one in ten each. */
static int rate(double recall, uint64_t *chance)
{
    if (bandit_uniform(chance) >= recall)
        return FSRS_AGAIN;
    double u = bandit_uniform(chance);
    return u < 0.1 ? FSRS_HARD : u < 0.9 ? FSRS_GOOD : FSRS_EASY;
}

/* Seconds that were spent. */
static double one_day(const struct course *c, int day, const struct mind *mind,
                      struct memory *memories, struct tutor *tutor, uint64_t *chance)
{
    double spent = 0, limit = c->minutes * 60;
    for (;;) {
        double now_s = day * DAY_S + spent;
        int64_t now_ms = (int64_t)(now_s * 1000) + FSRS_DAY_MS;
        int item = tutor_next(tutor, now_ms, limit - spent);
        if (item < 0)
            return spent;
        int rating = rate(mind_recall(mind, &memories[item], now_s), chance);
        mind_practise(mind, &memories[item], rating, now_s);
        tutor_told(tutor, item, rating, now_ms);
        spent += tutor->items[item].seconds;
    }
}

/* The same learner, whoever the tutor is: what is peculiar to them comes from their own seed. */
static void one_learner(const struct course *c, enum family family, enum tutor_kind kind, int who,
                        struct memory *memories, struct tutor *tutor, struct sum *sum)
{
    uint64_t chance = c->seed * 1000003 + (uint64_t)who, own = chance ^ UINT64_C(0x5eed);
    struct mind mind;
    double known = 0;

    mind_init(&mind, family, c->days, &own);
    for (int i = 0; i < TUTOR_ITEMS; i++)
        memory_init(&mind, &memories[i], &own);
    tutor_init(tutor, kind, (int64_t)(c->days + 1) * FSRS_DAY_MS, bandit_random(&chance));
    for (int day = 0; day < c->days; day++)
        sum->spent_s += one_day(c, day, &mind, memories, tutor, &chance);
    for (int i = 0; i < TUTOR_ITEMS; i++)
        known += mind_recall(&mind, &memories[i], c->days * DAY_S) / TUTOR_ITEMS;
    sum->known += known;
    sum->squares += known * known;
    sum->asked += tutor->asked;
    sum->n++;
}

static void run(const struct course *c, enum family family, enum tutor_kind kind)
{
    struct memory *memories = lp_calloc(TUTOR_ITEMS, sizeof *memories);
    struct tutor *tutor = lp_calloc(1, sizeof *tutor);
    struct sum sum = { 0 };

    for (int who = 0; who < c->learners; who++)
        one_learner(c, family, kind, who, memories, tutor, &sum);
    double n = sum.n, mean = sum.known / n;
    double variance = fmax(sum.squares / n - mean * mean, 0) * n / fmax(n - 1, 1);
    printf("%s %s %g %.5f %.5f %.2f %.1f\n", family_names[family], tutor_names[kind], c->minutes,
           mean, 1.96 * sqrt(variance / n), sum.spent_s / n / c->days / 60, sum.asked / n);
    fflush(stdout);
    free(memories);
    free(tutor);
}

static double number(int argc, char **argv, int i, double fallback, double low, double high)
{
    double v = i < argc ? strtod(argv[i], NULL) : fallback;
    if (v >= low && v <= high)
        return v;
    fprintf(stderr, "argument %d: must be %g..%g, is %g\n", i, low, high, v);
    exit(2);
}

int main(int argc, char **argv)
{
    const struct course c = { .learners = (int)number(argc, argv, 1, 1000, 1, 100000),
                              .days = (int)number(argc, argv, 2, 120, 1, 3650),
                              .minutes = number(argc, argv, 3, 10, 0.5, 60),
                              .seed = (uint64_t)number(argc, argv, 4, 1, 0, 1e9) };
    for (int f = 0; f < FAMILIES; f++)
        for (int t = 0; t < TUTORS; t++)
            if (argc <= 5 || strcmp(argv[5], family_names[f]) == 0)
                run(&c, (enum family)f, (enum tutor_kind)t);
    return 0;
}
