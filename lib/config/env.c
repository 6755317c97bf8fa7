/*
 * Environment variables into a config struct, by a table; and the three arguments that every
 * program has.
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
#include "service/service.h"

#define MAX_STRING 4096

static const char *const levels[] = { "debug", "info", "warn", "error", NULL };

#define AT(member) offsetof(struct lp_service_config, member)

/* PORT is the first: its fallback differs by program. */
static const struct lp_env common_table[] = {
    { "PORT", LP_ENV_INT, AT(port), NULL, 0, 65535, NULL, false, "port for traffic" },
    { "METRICS_PORT", LP_ENV_INT, AT(metrics_port), "9090", 0, 65535, NULL, false,
      "port for /metrics, /livez and /readyz" },
    { "CONCURRENCY", LP_ENV_INT, AT(concurrency), "32", 1, 1024, NULL, false,
      "requests worked on at once" },
    { "QUEUE_LIMIT", LP_ENV_INT, AT(queue_limit), "256", 0, 100000, NULL, false,
      "requests that may wait; beyond it 503" },
    { "REQUEST_DEADLINE", LP_ENV_DURATION, AT(deadline_ms), "30s", 100, 3600000, NULL, false,
      "a request that waited longer is dropped" },
    { "DRAIN_DELAY", LP_ENV_DURATION, AT(drain_ms), "5s", 0, 600000, NULL, false,
      "after SIGTERM: not ready, but still serving" },
    { "LOG_LEVEL", LP_ENV_STRING, AT(log_level), "info", 0, 0, levels, false,
      "least level logged" },
    { "LOG_HASH_KEY", LP_ENV_STRING, AT(log_hash_key), "", 0, 0, NULL, true,
      "key of the hashes that stand for learners in logs; empty: random at each start" },
    { 0 },
};

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

static void load_one(const struct lp_env *e, const char *fallback, void *config,
                     struct lp_buf *problems)
{
    const char *text = getenv(e->name);
    struct lp_env with = *e;

    with.fallback = fallback;
    if (!text || !*text)
        text = fallback;
    if (!text || !store(&with, text, config))
        complain(e, text, problems);
}

int lp_env_load(const struct lp_env *table, bool common, const char *default_port, void *config,
                struct lp_error *err)
{
    lp_auto_buf struct lp_buf problems = LP_BUF_INIT(sizeof err->msg);

    for (const struct lp_env *e = common_table; common && e->name; e++)
        load_one(e, e == common_table ? default_port : e->fallback, config, &problems);
    for (const struct lp_env *e = table; e && e->name; e++)
        load_one(e, e->fallback, config, &problems);
    if (problems.len > 0)
        return lp_error_set(err, LP_E_INVALID, "configuration: %s", problems.ptr);
    return 0;
}

static void help_table(const struct lp_env *table)
{
    for (const struct lp_env *e = table; e && e->name; e++) {
        lp_auto_buf struct lp_buf b = LP_BUF_INIT(1024);
        allowed(e, &b);
        printf("  %-24s %s\n  %-24s %s", e->name, e->help ? e->help : "", "", b.ptr);
        if (!e->fallback && e != common_table)
            printf("; required");
        else if (e->fallback && *e->fallback && !e->secret)
            printf("; default %s", e->fallback);
        printf("\n");
    }
}

static size_t config_size(const struct lp_env *table)
{
    size_t size = sizeof(struct lp_service_config);
    for (const struct lp_env *e = table; e && e->name; e++)
        if (e->offset + sizeof(int64_t) > size)
            size = e->offset + sizeof(int64_t);
    return size;
}

static int check_config(const char *program, const struct lp_env *table, bool common)
{
    lp_auto_free void *config = lp_alloc(config_size(table));
    struct lp_error err;

    if (lp_env_load(table, common, "0", config, &err) < 0) {
        fprintf(stderr, "%s: %s\n", program, err.msg);
        return 2;
    }
    printf("%s: the configuration is valid\n", program);
    return 0;
}

int lp_service_arguments(int argc, char **argv, const char *program, const char *summary,
                         const struct lp_env *table, bool common)
{
    if (argc < 2)
        return -1;
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("%s %s\n", program, LP_VERSION);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--check-config") == 0)
        return check_config(program, table, common);
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        printf("%s: %s\n\nusage: %s [--help | --version | --check-config]\n\n"
               "Configuration comes from the environment:\n",
               program, summary, program);
        help_table(common ? common_table : NULL);
        help_table(table);
        return 0;
    }
    fprintf(stderr, "%s: unknown argument \"%s\"; try %s --help\n", program, argv[1], program);
    return 2;
}
