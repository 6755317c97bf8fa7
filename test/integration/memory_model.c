/*
 * test/integration/memory_model.c -- for memory_model.py: a history of reviews a line on stdin, the
 * state after each of them on stdout. A line: 21 parameters, retention, a time to look at, then
 * pairs of rating and time; an answer: difficulty, stability, recall at that time, due, stage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/learning/model/fsrs.h"

static double number(char **at)
{
    return strtod(*at, at);
}

static int answer(char *line)
{
    struct fsrs_state state = { 0 };
    double w[FSRS_PARAMETERS];
    struct lp_error err;
    struct fsrs model;

    for (int i = 0; i < FSRS_PARAMETERS; i++)
        w[i] = number(&line);
    if (fsrs_init(w, number(&line), &model, &err) < 0) {
        fprintf(stderr, "memory_model: %s\n", err.msg);
        return 1;
    }
    int64_t look_ms = strtoll(line, &line, 10);
    while (strspn(line, " \n") < strlen(line)) {
        enum fsrs_rating rating = (enum fsrs_rating)strtol(line, &line, 10);
        fsrs_review(&model, &state, rating, strtoll(line, &line, 10));
        printf("%.17g %.17g %.17g %lld %d\n", state.difficulty, state.stability,
               fsrs_retrievability(&model, &state, look_ms), (long long)state.due_ms,
               (int)state.stage);
    }
    return 0;
}

int main(void)
{
    char line[8192];

    while (fgets(line, sizeof line, stdin))
        if (answer(line))
            return 1;
    return ferror(stdin) || fflush(stdout);
}
