/* services/learning/recommend/exams.c -- see the header. No state. */
#include "services/learning/recommend/exams.h"

#include <string.h>

#include "base/clock.h"

#define TIME_MAX 48

int exams_read(const char *text, struct exams *ret, struct lp_error *err)
{
    struct exams exams = { .n = 0 };

    for (const char *at = text; *at;) {
        char time[TIME_MAX];
        size_t n = strcspn(at, ",");
        if (exams.n == EXAMS_MOST)
            return lp_error_set(err, LP_E_INVALID, "more than %d times", EXAMS_MOST);
        memcpy(time, at, n < sizeof time ? n : sizeof time - 1);
        time[n < sizeof time ? n : sizeof time - 1] = '\0';
        int64_t ms = n < sizeof time ? lp_clock_parse(time) : -1;
        if (ms <= 0)
            return lp_error_set(err, LP_E_INVALID,
                                "must be times as 2026-12-03T09:00:00Z separated by commas, one is "
                                "\"%s\"",
                                time);
        exams.at_ms[exams.n++] = ms;
        at += n + (at[n] == ',');
    }
    *ret = exams;
    return 0;
}

int64_t exams_next(const struct exams *exams, int64_t now_ms, int64_t last_ms)
{
    int64_t next = 0;

    for (unsigned i = 0; i < exams->n; i++) {
        int64_t at = exams->at_ms[i];
        if (at > now_ms && at <= last_ms && (next == 0 || at < next))
            next = at;
    }
    return next;
}
