/*
 * lib/config/env.c -- environment variables into a config struct, by tables.
 *
 * All variables are read before the first complaint, so that a user who has three wrong sees three.
 * No state; called from main before threads start, as getenv asks for.
 */
#include "config/env.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/buf.h"

#define MAX_STRING 4096

const char *const lp_env_log_levels[] = { "debug", "info", "warn", "error", NULL };

static void allowed_ints(const struct lp_env *e, struct lp_buf *b)
{
    if (e->min != 0 || e->max != 0)
        lp_buf_printf(b, " %" PRId64 " to %" PRId64, e->min, e->max);
}

static void allowed_length(const struct lp_env *e, struct lp_buf *b)
{
    lp_buf_printf(b, " of %" PRId64 " to %" PRId64 " bytes", e->min,
                  e->max > 0 ? e->max : (int64_t)MAX_STRING);
}

/* What is allowed, in words. */
static void allowed(const struct lp_env *e, struct lp_buf *b)
{
    if (e->one_of) {
        lp_buf_str(b, "one of");
        for (const char *const *o = e->one_of; *o; o++)
            lp_buf_printf(b, "%s %s", o == e->one_of ? "" : ",", *o);
        return;
    }
    switch (e->type) {
    case LP_ENV_STRING:
    case LP_ENV_URI:
        lp_buf_str(b, "a text");
        allowed_length(e, b);
        break;
    case LP_ENV_INT:
        lp_buf_str(b, "a whole number");
        allowed_ints(e, b);
        break;
    case LP_ENV_BOOL:
        lp_buf_str(b, "true or false");
        break;
    case LP_ENV_DURATION:
        lp_buf_str(b, "a duration such as 500ms, 30s, 5m, 1h or 3d");
        if (e->min != 0 || e->max != 0)
            lp_buf_printf(b, ", %" PRId64 "ms to %" PRId64 "ms", e->min, e->max);
        break;
    case LP_ENV_URL:
        lp_buf_str(b, "a URL that starts with http:// or https://");
        break;
    }
}

static bool in_range(const struct lp_env *e, int64_t v)
{
    return (e->min == 0 && e->max == 0) || (v >= e->min && v <= e->max);
}

/* Digits up to `*ret_end`; false without any or where they pass int64_t. A minus is taken. */
static bool read_int(const char *text, int64_t *ret_value, const char **ret_end)
{
    char *end;
    if (!isdigit((unsigned char)text[text[0] == '-']))
        return false;
    errno = 0;
    *ret_value = strtoll(text, &end, 10);
    *ret_end = end;
    return errno == 0;
}

static bool read_duration(const char *text, int64_t *ret_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 } };
    const char *unit;
    int64_t n;

    if (!read_int(text, &n, &unit) || n < 0)
        return false;
    if (n == 0 && *unit == '\0') {
        *ret_ms = 0;
        return true;
    }
    for (size_t i = 0; i < LP_COUNT(units); i++)
        if (strcmp(unit, units[i].unit) == 0)
            return !__builtin_mul_overflow(n, units[i].ms, ret_ms);
    return false;
}

static bool read_bool(const char *text, bool *ret_value)
{
    static const char *const yes[] = { "true", "1", "yes", "on" };
    static const char *const no[] = { "false", "0", "no", "off", "" };
    for (size_t i = 0; i < LP_COUNT(yes); i++)
        if (strcasecmp(text, yes[i]) == 0)
            return *ret_value = true;
    *ret_value = false;
    for (size_t i = 0; i < LP_COUNT(no); i++)
        if (strcasecmp(text, no[i]) == 0)
            return true;
    return false;
}

static bool is_url(const char *text)
{
    const char *host = strncasecmp(text, "http://", 7) == 0    ? text + 7
                       : strncasecmp(text, "https://", 8) == 0 ? text + 8
                                                               : NULL;
    if (!host || !*host || strchr("/?#:", *host))
        return false;
    for (const char *p = host; *p; p++)
        if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f || strchr("\"<>\\^`{|}", *p))
            return false;
    return true;
}

static bool fits(const struct lp_env *e, const char *text)
{
    int64_t n = (int64_t)strlen(text);
    bool listed = e->one_of == NULL;
    for (const char *const *o = e->one_of; o && *o; o++)
        listed = listed || strcasecmp(*o, text) == 0;
    return listed && n >= e->min && n <= (e->max > 0 ? e->max : MAX_STRING);
}

static bool store(const struct lp_env *e, const char *text, void *config)
{
    char *at = (char *)config + e->offset;
    const char *end = "";
    int64_t n = 0;
    bool flag;

    switch (e->type) {
    case LP_ENV_STRING:
    case LP_ENV_URI:
        *(const char **)(void *)at = text;
        return text == e->fallback || fits(e, text);
    case LP_ENV_URL:
        *(const char **)(void *)at = text;
        return text == e->fallback || (fits(e, text) && is_url(text));
    case LP_ENV_INT:
        if (*text && (!read_int(text, &n, &end) || *end || !in_range(e, n)))
            return false;
        *(int64_t *)(void *)at = n;
        return true;
    case LP_ENV_DURATION:
        if (*text && (!read_duration(text, &n) || !in_range(e, n)))
            return false;
        *(int64_t *)(void *)at = n;
        return true;
    case LP_ENV_BOOL:
        if (!read_bool(text, &flag))
            return false;
        *(bool *)at = flag;
        return true;
    }
    return false;
}

static void complain(const struct lp_env *e, const char *text, struct lp_buf *problems)
{
    if (problems->len > 0)
        lp_buf_str(problems, "; ");
    if (!text)
        lp_buf_printf(problems, "%s is not set: ", e->name);
    else if (e->secret)
        lp_buf_printf(problems, "%s has a wrong value (not shown, %zu bytes): ", e->name,
                      strlen(text));
    else
        lp_buf_printf(problems, "%s=\"%.100s\" is wrong: ", e->name, text);
    lp_buf_str(problems, "it must be ");
    allowed(e, problems);
}

static char *trim(char *text)
{
    size_t n = strlen(text);

    while (n > 0 && isspace((unsigned char)text[n - 1]))
        text[--n] = '\0';
    return text + strspn(text, " \t\r\n\v\f");
}

static void load_one(const struct lp_env *e, void *config, struct lp_buf *problems)
{
    char *value = getenv(e->name);
    const char *text = value && e->type == LP_ENV_URI ? trim(value) : value;

    if (!text || !*text)
        text = e->fallback;
    if (!text || !store(e, text, config))
        complain(e, text, problems);
}

int lp_env_load(const struct lp_env *const *tables, void *config, struct lp_error *err)
{
    lp_auto_buf struct lp_buf problems = LP_BUF_INIT(sizeof err->msg);

    for (; *tables; tables++)
        for (const struct lp_env *e = *tables; e->name; e++)
            load_one(e, config, &problems);
    if (problems.len > 0)
        return lp_error_set(err, LP_E_INVALID, "configuration: %s", problems.ptr);
    return 0;
}

void lp_env_print_help(const struct lp_env *const *tables)
{
    for (; *tables; tables++)
        for (const struct lp_env *e = *tables; e->name; e++) {
            lp_auto_buf struct lp_buf b = LP_BUF_INIT(1024);
            allowed(e, &b);
            printf("  %-24s %s\n  %-24s %s", e->name, e->help ? e->help : "", "", b.ptr);
            if (!e->fallback)
                printf("; required");
            else if (*e->fallback && !e->secret)
                printf("; default %s", e->fallback);
            printf("\n");
        }
}
