/* services/learning/recommend/reason.c -- see reason.h. No state. */
#include "services/learning/recommend/reason.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const levels[] = { "A1", "A2", "B1", "B2", "C1", "C2" };

static const char *at_horizon(const struct wish *w)
{
    double days = (double)(w->exam_ms - w->now_ms) / FSRS_DAY_MS;
    return days <= 0                   ? "in a month"
           : days <= CHOOSE_AHEAD_DAYS ? "on the day of the exam"
                                       : "in ten days";
}

static void write_review(const struct candidate *item, const struct wish *w, char *text)
{
    double since_h = (double)(w->now_ms - item->state.last_ms) / 3600000;
    char when[48];

    if (since_h < 24)
        snprintf(when, sizeof when, "earlier today");
    else if (since_h < 48)
        snprintf(when, sizeof when, "yesterday");
    else
        snprintf(when, sizeof when, "%.0f days ago", floor(since_h / 24));
    snprintf(text, REASON_TEXT,
             "You practised this %s; you still know it with a chance of %.0f %%. Practising now "
             "adds %.0f points %s.",
             when, item->recall * 100, fmax(item->gain, 0) * 100, at_horizon(w));
}

static void write_new(const struct candidate *item, const struct wish *w, char *text)
{
    double harder = item->facts.level - w->level;
    int n = snprintf(text, REASON_TEXT, "New, %s: %s.", levels[item->facts.level - 1],
                     harder > 0.75    ? "a step up from where you are"
                     : harder < -0.75 ? "below your level, to fill a gap"
                                      : "at your level");
    if (item->facts.builds)
        n += snprintf(text + n, REASON_TEXT - (size_t)n, " You know what it builds on.");
    if (item->facts.confusables > 0)
        snprintf(text + n, REASON_TEXT - (size_t)n,
                 " Mind the difference to %d like it that you are learning.",
                 item->facts.confusables);
}

void reason_write(const struct candidate *item, const struct wish *wish, char ret_text[REASON_TEXT])
{
    if (item->is_new)
        write_new(item, wish, ret_text);
    else
        write_review(item, wish, ret_text);
}
