/*
 * bench/learning/simulate.c -- learners of four families before an exam, each with every tutor:
 * what they know that day, and the minutes that they spent. README.md explains; ./curves makes the
 * table and the curves.
 *
 *   lp-learning-simulate [LEARNERS [DAYS [MINUTES [SEED [FAMILY [TUTOR]]]]]]
 *
 * One line a family and tutor (- for a family: all): family tutor minutes-a-day mean interval spent
 * asked. The interval is half of that of 95 % of the mean over learners (normal). A thread for each
 * processor takes learner after learner; the figures are the same however many there are.
 */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "bench/learning/families.h"
#include "bench/learning/tutors.h"
#include "services/learning/recommend/bandit.h"

#define DAY_S 86400.0
#define THREADS 64

struct course {
    int learners, days;
    double minutes;
    uint64_t seed;
};

/* Of one learner. */
struct result {
    double known, spent_s;
    int asked;
};

/* All learners of one family with one tutor. */
struct group {
    const struct course *course;
    enum family family;
    enum tutor_kind kind;
    struct result *results;
    atomic_int next;
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
static void one_learner(const struct group *g, int who, struct memory *memories,
                        struct tutor *tutor)
{
    const struct course *c = g->course;
    uint64_t chance = c->seed * 1000003 + (uint64_t)who, own = chance ^ UINT64_C(0x5eed);
    struct result *r = &g->results[who];
    struct mind mind;

    mind_init(&mind, g->family, c->days, &own);
    for (int i = 0; i < TUTOR_ITEMS; i++)
        memory_init(&mind, &memories[i], &own);
    tutor_init(tutor, g->kind, (int64_t)(c->days + 1) * FSRS_DAY_MS, bandit_random(&chance));
    for (int day = 0; day < c->days; day++)
        r->spent_s += one_day(c, day, &mind, memories, tutor, &chance);
    for (int i = 0; i < TUTOR_ITEMS; i++)
        r->known += mind_recall(&mind, &memories[i], c->days * DAY_S) / TUTOR_ITEMS;
    r->asked = tutor->asked;
}

static void *simulate(void *user)
{
    struct group *g = user;
    struct memory *memories = lp_calloc(TUTOR_ITEMS, sizeof *memories);
    struct tutor *tutor = lp_calloc(1, sizeof *tutor);
    int who;

    while ((who = atomic_fetch_add(&g->next, 1)) < g->course->learners)
        one_learner(g, who, memories, tutor);
    free(memories);
    free(tutor);
    return NULL;
}

static void tell(const struct group *g)
{
    double n = g->course->learners, known = 0, squares = 0, spent_s = 0, asked = 0;
    for (int i = 0; i < g->course->learners; i++) {
        known += g->results[i].known;
        squares += g->results[i].known * g->results[i].known;
        spent_s += g->results[i].spent_s;
        asked += g->results[i].asked;
    }
    double mean = known / n, variance = fmax(squares / n - mean * mean, 0) * n / fmax(n - 1, 1);
    printf("%s %s %g %.5f %.5f %.2f %.1f\n", family_names[g->family], tutor_names[g->kind],
           g->course->minutes, mean, 1.96 * sqrt(variance / n), spent_s / n / g->course->days / 60,
           asked / n);
    fflush(stdout);
}

static void run(const struct course *c, enum family family, enum tutor_kind kind)
{
    struct group g = { .course = c, .family = family, .kind = kind };
    pthread_t threads[THREADS];
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int n = 0;

    g.results = lp_calloc((size_t)c->learners, sizeof *g.results);
    while (n < processors - 1 && n < THREADS &&
           pthread_create(&threads[n], NULL, simulate, &g) == 0)
        n++;
    simulate(&g);
    while (n > 0)
        pthread_join(threads[--n], NULL);
    tell(&g);
    free(g.results);
}

static double number(int argc, char **argv, int i, double fallback, double low, double high)
{
    double v = i < argc ? strtod(argv[i], NULL) : fallback;
    if (v >= low && v <= high)
        return v;
    fprintf(stderr, "argument %d: must be %g..%g, is %g\n", i, low, high, v);
    exit(2);
}

static bool is_asked(int argc, char **argv, int i, const char *name)
{
    return i >= argc || strcmp(argv[i], "-") == 0 || strcmp(argv[i], name) == 0;
}

int main(int argc, char **argv)
{
    const struct course c = { .learners = (int)number(argc, argv, 1, 1000, 1, 100000),
                              .days = (int)number(argc, argv, 2, 120, 1, 3650),
                              .minutes = number(argc, argv, 3, 10, 0.5, 60),
                              .seed = (uint64_t)number(argc, argv, 4, 1, 0, 1e9) };
    tutors_name_items();
    for (int f = 0; f < FAMILIES; f++)
        for (int t = 0; t < TUTORS; t++)
            if (is_asked(argc, argv, 5, family_names[f]) && is_asked(argc, argv, 6, tutor_names[t]))
                run(&c, (enum family)f, (enum tutor_kind)t);
    return 0;
}
