/*
 * lib/base/zone_rule.c -- "CET-1CEST,M3.5.0,M10.5.0/3": names and offsets (west of Greenwich is
 * positive there), and where the summer time begins and ends. Days are counted from 1970-01-01, a
 * Thursday, in the proleptic Gregorian calendar. Pure.
 */
#include "base/zone_rule.h"

#include <ctype.h>
#include <stddef.h>

#define HOUR_S INT64_C(3600)
#define DAY_S INT64_C(86400)
#define MAX_OFFSET_HOURS 24
#define MAX_TIME_HOURS 167

/* ---- the text; each reader moves *at on, and returns false where something else is there ---- */

static bool skip(const char **at, char c)
{
    bool there = **at == c;
    *at += there;
    return there;
}

static bool read_number(const char **at, int least, int most, int *ret)
{
    int n = 0, digits = 0;

    for (; isdigit((unsigned char)**at) && digits < 4; digits++)
        n = n * 10 + *(*at)++ - '0';
    *ret = n;
    return digits > 0 && n >= least && n <= most;
}

/* "EST", or anything between < and >; at least three characters. */
static bool read_name(const char **at)
{
    bool quoted = skip(at, '<');
    int n = 0;

    for (; quoted ? isalnum((unsigned char)**at) || **at == '+' || **at == '-'
                  : isalpha((unsigned char)**at) != 0;
         ++*at)
        n++;
    return n >= 3 && (!quoted || skip(at, '>'));
}

/* [+-]hh[:mm[:ss]] */
static bool read_seconds(const char **at, int max_hours, int64_t *ret)
{
    int hours, minutes = 0, seconds = 0;
    bool negative = skip(at, '-');

    if (!negative)
        skip(at, '+');
    if (!read_number(at, 0, max_hours, &hours) ||
        (skip(at, ':') && (!read_number(at, 0, 59, &minutes) ||
                           (skip(at, ':') && !read_number(at, 0, 59, &seconds)))))
        return false;
    *ret = (negative ? -1 : 1) * (hours * HOUR_S + minutes * INT64_C(60) + seconds);
    return true;
}

static bool read_day(const char **at, struct zone_day *ret)
{
    *ret = (struct zone_day){ .kind = '0', .seconds = 2 * HOUR_S };
    bool there;
    if (skip(at, 'M')) {
        ret->kind = 'M';
        there = read_number(at, 1, 12, &ret->month) && skip(at, '.') &&
                read_number(at, 1, 5, &ret->week) && skip(at, '.') &&
                read_number(at, 0, 6, &ret->day);
    } else if (skip(at, 'J')) {
        ret->kind = 'J';
        there = read_number(at, 1, 365, &ret->day);
    } else {
        there = read_number(at, 0, 365, &ret->day);
    }
    return there && (!skip(at, '/') || read_seconds(at, MAX_TIME_HOURS, &ret->seconds));
}

static bool read_rule(const char **at, struct zone_rule *r)
{
    if (!read_name(at) || !read_seconds(at, MAX_OFFSET_HOURS, &r->standard))
        return false;
    r->standard = -r->standard;
    r->has_summer = **at != '\0';
    if (!r->has_summer)
        return true;
    r->summer = r->standard + HOUR_S;
    if (!read_name(at))
        return false;
    if (**at != ',') {
        if (!read_seconds(at, MAX_OFFSET_HOURS, &r->summer))
            return false;
        r->summer = -r->summer;
    }
    return skip(at, ',') && read_day(at, &r->begins) && skip(at, ',') && read_day(at, &r->ends) &&
           **at == '\0';
}

int zone_rule_parse(const char *text, struct zone_rule *ret_rule, struct lp_error *err)
{
    struct zone_rule r = { 0 };
    const char *at = text;

    if (!read_rule(&at, &r))
        return lp_error_set(err, LP_E_INVALID, "is no rule of a time zone at byte %td: \"%.64s\"",
                            at - text, text);
    *ret_rule = r;
    return 0;
}

/* ---- the calendar ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from 1970-01-01 to 1 January. */
static int64_t day_of_year(int64_t year)
{
    int64_t y = year - 1;
    return 365 * (year - 1970) + floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400) - 477;
}

static int64_t year_of_day(int64_t day)
{
    int64_t year = 1970 + floor_div(day * 400, 146097); /* off by one at most */

    while (day_of_year(year) > day)
        year--;
    while (day_of_year(year + 1) <= day)
        year++;
    return year;
}

static int64_t day_of(const struct zone_day *d, int64_t year)
{
    static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365 };
    int64_t first = day_of_year(year);

    if (d->kind == '0')
        return first + d->day;
    if (d->kind == 'J')
        return first + d->day - 1 + (is_leap(year) && d->day >= 60);
    int64_t month = first + before[d->month - 1] + (is_leap(year) && d->month > 2);
    int64_t next = first + before[d->month] + (is_leap(year) && d->month > 1);
    int64_t weekday = (month % 7 + 7 + 4) % 7; /* of the first of the month; 0 is Sunday */
    int64_t day = month + (d->day - weekday + 7) % 7 + (int64_t)7 * (d->week - 1);
    return day < next ? day : day - 7; /* the fifth is the last */
}

int64_t zone_rule_offset(const struct zone_rule *rule, int64_t unix_s, int64_t *ret_until)
{
    int64_t year = year_of_day(floor_div(unix_s + rule->standard, DAY_S));
    int64_t offset = rule->standard, since = INT64_MIN;

    *ret_until = INT64_MAX;
    for (int64_t y = year - 1; y <= year + 1 && rule->has_summer; y++) {
        /* At one moment the beginning counts: summer time all the year round is written so. */
        const struct {
            int64_t at, offset;
        } changes[] = {
            { day_of(&rule->ends, y) * DAY_S + rule->ends.seconds - rule->summer, rule->standard },
            { day_of(&rule->begins, y) * DAY_S + rule->begins.seconds - rule->standard,
              rule->summer },
        };
        for (int i = 0; i < 2; i++) {
            if (changes[i].at <= unix_s && changes[i].at >= since) {
                since = changes[i].at;
                offset = changes[i].offset;
            } else if (changes[i].at > unix_s && changes[i].at < *ret_until) {
                *ret_until = changes[i].at;
            }
        }
    }
    return offset;
}
