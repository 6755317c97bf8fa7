/* cli/options_check.c -- what a command asks of its options. No state. */
#include "cli/options_parts.h"

#include <stdlib.h>
#include <string.h>

#include "autoscaler/policy/ring.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "platform/plan.h"

#define REQUEST_TIMEOUT_MOST_MS 3600000
#define URL_MOST 512

/* What simulate needs. */
static int check_simulate(const struct cli_options *o, struct lp_error *err)
{
    static const char stdin_name[] = "-";
    const char *const files[] = { o->files[0], o->trace, o->compare };
    unsigned from_stdin = 0;

    if (strcmp(o->command, "simulate") != 0)
        return 0;
    if (!o->trace)
        return lp_error_set(err, LP_E_INVALID, "simulate needs --trace; see --help");
    if ((o->format == CLI_CSV || o->format == CLI_SVG) && o->compare)
        return lp_error_set(err, LP_E_INVALID, "-o: csv and svg are of one file, not of --compare");
    if (o->files[1])
        return lp_error_set(err, LP_E_INVALID, "-f: simulate takes one file; see --compare");
    for (size_t i = 0; i < LP_COUNT(files); i++)
        from_stdin += files[i] && strcmp(files[i], stdin_name) == 0;
    if (from_stdin > 1)
        return lp_error_set(err, LP_E_INVALID, "-f, --trace and --compare: only one may be \"-\"");
    return 0;
}

static int check_whole(const char *option, int64_t milli, struct lp_error *err)
{
    if (milli % 1000 == 0)
        return 0;
    return lp_error_set(err, LP_E_INVALID, "%s: must be a whole number, is %.10g", option,
                        (double)milli / 1000);
}

/* What dashboard needs; and how often it and status look where nobody says. */
static int check_looks(struct cli_options *o, struct lp_error *err)
{
    if (o->interval_ms < 0)
        o->interval_ms = strcmp(o->command, "dashboard") == 0 ? 2000 : 1000;
    return check_whole("--port", o->port, err);
}

/* What load needs; and what it does without --learners and --pause. */
static int check_load(struct cli_options *o, struct lp_error *err)
{
    bool open = o->arrival_rate >= 0;

    if (strcmp(o->command, "load") != 0)
        return 0;
    if (!o->url)
        return lp_error_set(err, LP_E_INVALID, "load needs --url; see --help");
    if (o->arrival_rate == 0)
        return lp_error_set(err, LP_E_INVALID,
                            "--arrival-rate: must be 0.001..100000 rounds a second, is 0");
    if (open && o->pause_ms >= 0)
        return lp_error_set(err, LP_E_INVALID,
                            "--pause: rounds begin by --arrival-rate, which has no pause between "
                            "them; give one of the two");
    if (o->learners < 0)
        o->learners = open ? 1000000 : 20000;
    if (o->pause_ms < 0)
        o->pause_ms = 2000;
    int r = check_whole("--learners", o->learners, err);
    return r < 0 ? r : check_whole("--seed", o->seed, err);
}

static int check_prometheus(const struct cli_options *o, struct lp_error *err)
{
    const char *url = o->prometheus, *host = url ? strstr(url, "://") : NULL;
    bool web = url && (strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0);

    if (!url || (web && host[3] != '\0' && host[3] != '/' && strlen(url) <= URL_MOST &&
                 strcspn(url, " \t\r\n?#@") == strlen(url)))
        return 0;
    return lp_error_set(err, LP_E_INVALID,
                        "--prometheus: must be an http or https URL of at most %d bytes without "
                        "query and credentials, is \"%.64s\"",
                        URL_MOST, web && strchr(url, '@') ? "...@..." : url);
}

/* An option that is a time; 0 where it was not given. */
static int check_time(const char *option, const char *text, int64_t *ret_ms, struct lp_error *err)
{
    *ret_ms = text ? lp_clock_parse(text) : 0;
    if (!text || *ret_ms > 0)
        return 0;
    return lp_error_set(err, LP_E_INVALID,
                        "%s: must be a time as 2026-12-01T02:00:00Z (RFC 3339), is \"%.64s\"",
                        option, text);
}

/* Whole numbers with a unit each, as Go has it: 90s, 1h30m; a bare number is seconds. -1: it is
 * none, or over `most_ms`. */
static int64_t read_duration(const char *text, int64_t most_ms)
{
    int64_t sum = 0;

    for (const char *at = text; *at || at == text;) {
        size_t digits = strspn(at, "0123456789");
        char unit = at[digits];
        int64_t each = unit == 'h' ? 3600000 : unit == 'm' ? 60000 : 1000;
        if (digits == 0 || digits > 6 || (unit ? !strchr("hms", unit) : at != text))
            return -1;
        sum += strtol(at, NULL, 10) * each;
        if (sum > most_ms)
            return -1;
        at += digits + (unit != '\0');
    }
    return sum;
}

/* As kubectl has it: 30, 30s, 2m, 1h; 0 is no limit there, and the longest here. */
static int check_request_timeout(struct cli_options *o, struct lp_error *err)
{
    const char *text = o->request_timeout ? o->request_timeout : "10";

    o->request_timeout_ms = read_duration(text, REQUEST_TIMEOUT_MOST_MS);
    if (o->request_timeout_ms < 0)
        return lp_error_set(err, LP_E_INVALID,
                            "--request-timeout: must be 0..3600 seconds as 30, 30s, 2m or 1h, is "
                            "\"%.64s\"",
                            text);
    if (o->request_timeout_ms == 0)
        o->request_timeout_ms = REQUEST_TIMEOUT_MOST_MS;
    return 0;
}

static bool is_service(const char *name)
{
    for (unsigned i = 0; i < N_SERVICES; i++)
        if (strcmp(service_kinds[i].name, name) == 0)
            return true;
    return false;
}

/* A name alone that is a service's is that; which platform is then any. Which others there are
 * knows the platform. */
static void take_service(struct cli_options *o)
{
    if ((strcmp(o->command, "why") == 0 || strcmp(o->command, "record") == 0) && !o->service &&
        o->name && is_service(o->name))
        o->service = lp_take(o->name);
}

/* Times of the past, of which the operator keeps a day. */
static int check_past(struct cli_options *o, struct lp_error *err)
{
    int64_t now = lp_clock_wall_ms();

    if (strcmp(o->command, "render") == 0)
        return 0;
    if (o->at && o->since)
        return lp_error_set(err, LP_E_INVALID, "--at or --since, not both: \"%.64s\", \"%.64s\"",
                            o->at, o->since);
    if (o->at && (o->at_ms > now || o->at_ms < now - RING_DAY_MS))
        return lp_error_set(err, LP_E_INVALID,
                            "--at: must be a time of the last 24 h, of which decisions are kept, "
                            "is \"%.64s\"",
                            o->at);
    o->since_ms = o->since ? read_duration(o->since, RING_DAY_MS) : 0;
    if (o->since && o->since_ms <= 0)
        return lp_error_set(err, LP_E_INVALID,
                            "--since: must be 1s..24h as 90s, 30m or 1h, is \"%.64s\"", o->since);
    return 0;
}

/* Of record what is to come, or what was. */
static int check_record(struct cli_options *o, struct lp_error *err)
{
    if (strcmp(o->command, "record") != 0)
        return 0;
    if (!o->looks && o->length)
        return lp_error_set(err, LP_E_INVALID, "--for: needs --looks; see --help");
    if (o->looks && o->since)
        return lp_error_set(err, LP_E_INVALID,
                            "--since: --looks records from now on; give one of the two");
    if (o->looks && (!o->service || !is_service(o->service)))
        return lp_error_set(err, LP_E_INVALID,
                            "--looks: needs a service: gateway, auth, ai-feedback or progress, is "
                            "\"%.64s\"",
                            o->service ? o->service : "");
    o->length_ms = o->length ? read_duration(o->length, RING_DAY_MS) : RING_DAY_MS;
    if (o->length_ms <= 0)
        return lp_error_set(err, LP_E_INVALID,
                            "--for: must be 1s..24h as 90s, 30m or 1h, is \"%.64s\"", o->length);
    return 0;
}

int cli_options_check(struct cli_options *o, struct lp_error *err)
{
    int r = check_load(o, err);

    take_service(o);
    if (r == 0)
        r = check_looks(o, err);
    if (r == 0)
        r = check_prometheus(o, err);
    if (r == 0)
        r = check_time("--at", o->at, &o->at_ms, err);
    if (r == 0)
        r = check_time("--start", o->start, &o->start_ms, err);
    if (r == 0)
        r = check_past(o, err);
    if (r == 0)
        r = check_request_timeout(o, err);
    if (r == 0)
        r = check_record(o, err);
    return r < 0 ? r : check_simulate(o, err);
}
