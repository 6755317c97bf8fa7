/* lib/base/clock.c -- clock_gettime and RFC 3339. No state, any thread. */
#include "base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int64_t read_ns(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t lp_clock_ns(void)
{
    return read_ns(CLOCK_BOOTTIME);
}

int64_t lp_clock_ms(void)
{
    return read_ns(CLOCK_BOOTTIME) / 1000000;
}

int64_t lp_clock_wall_ms(void)
{
    return read_ns(CLOCK_REALTIME) / 1000000;
}

/* `n` digits of a number, and what stands after them. */
static char *put_digits(char *at, int number, int n, char after)
{
    for (int i = n - 1; i >= 0; i--, number /= 10)
        at[i] = (char)('0' + number % 10);
    at[n] = after;
    return at + n + 1;
}

/* Years of four digits; each line of a log and each date of a document comes here. */
static void format_common(const struct tm *tm, int ms, int digits, char *at)
{
    at = put_digits(at, tm->tm_year + 1900, 4, '-');
    at = put_digits(at, tm->tm_mon + 1, 2, '-');
    at = put_digits(at, tm->tm_mday, 2, 'T');
    at = put_digits(at, tm->tm_hour, 2, ':');
    at = put_digits(at, tm->tm_min, 2, ':');
    at = put_digits(at, tm->tm_sec, 2, digits > 0 ? '.' : 'Z');
    if (digits > 0)
        at = put_digits(at, digits == 6 ? ms * 1000 : ms, digits, 'Z');
    *at = '\0';
}

#define DAY_S 86400
#define MOST_MS 253402300800000 /* the year 10000 */

/* From 1970 on, in the Gregorian calendar: eras of 400 years, whose years begin in March. Without
 * the lock and the zone that gmtime_r looks at. */
static void split(int64_t seconds, struct tm *tm)
{
    unsigned day = (unsigned)(seconds / DAY_S) + 719468, of_day = (unsigned)(seconds % DAY_S);
    unsigned era = day / 146097, in_era = day % 146097;
    unsigned year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    unsigned in_year = in_era - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * in_year + 2) / 153; /* 0: March */
    bool next = month >= 10;

    tm->tm_year = (int)(era * 400 + year + next) - 1900;
    tm->tm_mon = (int)(next ? month - 10 : month + 2);
    tm->tm_mday = (int)(in_year - (153 * month + 2) / 5 + 1);
    tm->tm_hour = (int)(of_day / 3600);
    tm->tm_min = (int)(of_day / 60 % 60);
    tm->tm_sec = (int)(of_day % 60);
}

void lp_clock_format(int64_t wall_ms, int digits, char ret_text[LP_CLOCK_TEXT])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    int ms = (int)(wall_ms % 1000);
    struct tm tm;

    if (wall_ms >= 0 && wall_ms < MOST_MS && (digits == 0 || digits == 3 || digits == 6)) {
        split(wall_ms / 1000, &tm);
        format_common(&tm, ms, digits, ret_text);
        return;
    }
    gmtime_r(&seconds, &tm);
    size_t n = strftime(ret_text, LP_CLOCK_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
    if (digits == 3)
        snprintf(ret_text + n, LP_CLOCK_TEXT - n, ".%03dZ", ms);
    else if (digits == 6)
        snprintf(ret_text + n, LP_CLOCK_TEXT - n, ".%06dZ", ms * 1000);
    else
        snprintf(ret_text + n, LP_CLOCK_TEXT - n, "Z");
}

static bool two_digits(const char *s, int *ret_number)
{
    if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
        return false;
    *ret_number = (s[0] - '0') * 10 + (s[1] - '0');
    return true;
}

/* "Z" or "+07:00" to seconds east of UTC; false where it is neither. */
static bool parse_offset(const char *s, int *ret_seconds)
{
    int hours = 0, minutes = 0;

    if (strcmp(s, "Z") == 0 || strcmp(s, "z") == 0) {
        *ret_seconds = 0;
        return true;
    }
    if ((*s != '+' && *s != '-') || !two_digits(s + 1, &hours) || s[3] != ':' ||
        !two_digits(s + 4, &minutes) || s[6] || hours > 23 || minutes > 59)
        return false;
    *ret_seconds = (hours * 3600 + minutes * 60) * (*s == '-' ? -1 : 1);
    return true;
}

int64_t lp_clock_parse(const char *text)
{
    struct tm tm = { 0 };
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    int64_t ms = 0, unit = 100;
    int offset = 0;

    if (!rest)
        return -1;
    if (*rest == '.') {
        for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
            ms += (*rest - '0') * unit;
    }
    if (!parse_offset(rest, &offset))
        return -1;
    return ((int64_t)timegm(&tm) - offset) * 1000 + ms;
}

struct timespec lp_clock_deadline(int64_t ms)
{
    int64_t ns = read_ns(CLOCK_MONOTONIC) + ms * 1000000;
    return (struct timespec){ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
}
