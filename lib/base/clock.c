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

void lp_clock_format(int64_t wall_ms, int digits, char ret_text[LP_CLOCK_TEXT])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    int ms = (int)(wall_ms % 1000);
    struct tm tm;

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
