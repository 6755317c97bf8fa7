/*
 * platform/window.c -- windows of time. For whether one is open, and when the next opens, a weekly
 * window is looked for from two days before until eight days from now, in days of its clock: one
 * more than a week on both sides, as a zone may skip a whole day. Threads: any.
 */
#include "platform/window.h"

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/zone.h"
#include "json/json.h"

#define MINUTE_MS INT64_C(60000)
#define DAY_MS (1440 * MINUTE_MS)
#define NEXT_DAYS 8

static const char *const day_names[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };

/* Minutes of "HH:MM" up to `max` minutes; -1 where it is something else. */
static int minutes_of(const char *text, int max)
{
    if (!text || strlen(text) != 5 || text[2] != ':')
        return -1;
    for (int i = 0; i < 5; i++)
        if (i != 2 && !isdigit((unsigned char)text[i]))
            return -1;
    int hours = (text[0] - '0') * 10 + text[1] - '0',
        minutes = (text[3] - '0') * 10 + text[4] - '0';
    return minutes < 60 && hours * 60 + minutes <= max ? hours * 60 + minutes : -1;
}

static bool is_offset(const char *text)
{
    return (*text == '+' || *text == '-') && minutes_of(text + 1, 14 * 60 + 59) >= 0;
}

static int64_t offset_ms(const char *text)
{
    int64_t minutes = minutes_of(text + 1, 14 * 60 + 59);
    return (*text == '-' ? -minutes : minutes) * MINUTE_MS;
}

static int day_of(const char *name)
{
    for (int i = 0; name && i < 7; i++)
        if (strcmp(name, day_names[i]) == 0)
            return i;
    return -1;
}

static const char *shown(const char *text)
{
    return text ? text : "nothing";
}

static int check_days(const json_t *days, const char *at, struct lp_error *err)
{
    const json_t *day;
    size_t i;

    if (json_array_size(days) < 1 || json_array_size(days) > 7)
        return lp_error_set(err, LP_E_INVALID, "%s.days: must be 1..7 days, is %zu", at,
                            json_array_size(days));
    json_array_foreach(days, i, day) if (day_of(json_string_value(day)) < 0) return lp_error_set(
        err, LP_E_INVALID,
        "%s.days[%zu]: must be one of Mon, Tue, Wed, Thu, Fri, Sat, Sun, is "
        "\"%.64s\"",
        at, i, shown(json_string_value(day)));
    return 0;
}

static int check_weekly(const json_t *window, const char *at, struct lp_error *err)
{
    static const char *const keys[] = { "start", "end" };
    int minutes[2];

    int r = check_days(json_object_get(window, "days"), at, err);
    for (int i = 0; i < 2 && r == 0; i++) {
        const char *text = lp_json_str(window, keys[i], NULL);
        minutes[i] = minutes_of(text, 1439);
        if (minutes[i] < 0)
            r = lp_error_set(err, LP_E_INVALID, "%s.%s: must be 00:00..23:59, is \"%.64s\"", at,
                             keys[i], shown(text));
    }
    if (r == 0 && minutes[0] == minutes[1])
        r = lp_error_set(err, LP_E_INVALID, "%s.end: must differ from start, is %s", at,
                         lp_json_str(window, "end", NULL));
    return r;
}

static int check_dated(const json_t *window, const char *at, struct lp_error *err)
{
    static const char *const keys[] = { "start", "end" };
    int64_t ms[2];

    for (int i = 0; i < 2; i++) {
        const char *text = lp_json_str(window, keys[i], NULL);
        ms[i] = text ? lp_clock_parse(text) : -1;
        if (ms[i] < 0)
            return lp_error_set(err, LP_E_INVALID,
                                "%s.%s: must be a time as 2026-12-01T02:00:00Z (RFC 3339), is "
                                "\"%.64s\"",
                                at, keys[i], shown(text));
    }
    if (ms[0] < ms[1])
        return 0;
    return lp_error_set(err, LP_E_INVALID, "%s.end: must be after start (%.64s), is %.64s", at,
                        lp_json_str(window, "start", NULL), lp_json_str(window, "end", NULL));
}

/* An offset of zero is also what the API server puts where none is given. */
static int check_clock(const struct maintenance_spec *m, const char *path, struct lp_error *err)
{
    const struct zone *zone;

    if (!is_offset(m->utc_offset))
        return lp_error_set(err, LP_E_INVALID, "%s.utcOffset: must be -14:59..+14:59, is \"%.64s\"",
                            path, m->utc_offset);
    if (!m->time_zone)
        return 0;
    if (offset_ms(m->utc_offset) != 0)
        return lp_error_set(err, LP_E_INVALID,
                            "%s.utcOffset: must not be given beside timeZone (%.64s), is \"%.64s\"",
                            path, m->time_zone, m->utc_offset);
    int r = zone_find(m->time_zone, &zone, err);
    return r < 0 ? lp_error_wrap(err, "%s.timeZone", path) : 0;
}

int window_check(const struct maintenance_spec *m, const char *path, struct lp_error *err)
{
    const struct {
        const char *key;
        const json_t *list;
        int (*check)(const json_t *, const char *, struct lp_error *);
    } parts[] = { { "weekly", m->weekly, check_weekly }, { "dated", m->dated, check_dated } };
    const json_t *window;
    size_t i;

    int r = check_clock(m, path, err);
    for (size_t part = 0; part < LP_COUNT(parts) && r == 0; part++) {
        json_array_foreach(parts[part].list, i, window)
        {
            lp_auto_free char *at = lp_sprintf("%.128s.%s[%zu]", path, parts[part].key, i);
            r = parts[part].check(window, at, err);
            if (r < 0)
                return r;
        }
    }
    return r;
}

/* Called with every span of the windows, in no order. */
typedef void on_span(int64_t start_ms, int64_t end_ms, void *user);

/* The clock that a weekly window's days and times go by. */
struct clock {
    const struct zone *zone; /* NULL: `offset` */
    int64_t offset;          /* milliseconds */
};

/* Milliseconds of the clock count as if they were UTC. */
static int64_t shown_at(const struct clock *c, int64_t now_ms)
{
    int64_t until;
    return now_ms + (c->zone ? zone_offset(c->zone, now_ms / 1000, &until) * 1000 : c->offset);
}

static int64_t first_showing(const struct clock *c, int64_t shown_ms)
{
    return c->zone ? zone_first(c->zone, shown_ms / 1000) * 1000 : shown_ms - c->offset;
}

static bool has_day(const json_t *days, int day)
{
    const json_t *name;
    size_t i;

    json_array_foreach(days, i, name) if (day_of(json_string_value(name)) == day) return true;
    return false;
}

/* `day` in days since 1970 of the clock. */
static bool is_excluded(const json_t *exclude, int64_t day)
{
    char text[LP_CLOCK_TEXT];
    const json_t *date;
    size_t i;

    if (json_array_size(exclude) == 0)
        return false;
    lp_clock_format(day * DAY_MS, 0, text);
    json_array_foreach(exclude, i, date)
    {
        if (strncmp(json_string_value(date), text, 10) == 0)
            return true;
    }
    return false;
}

/* What is looked through: weekly windows in the days of `clock` from `first` to `last`. */
struct look {
    const struct maintenance_spec *m;
    const json_t *exclude;
    struct clock clock;
    int64_t first, last;
    on_span *found;
    void *user;
};

static void look_at_weekly(const struct look *l, const json_t *window)
{
    int64_t start = minutes_of(lp_json_str(window, "start", NULL), 1439);
    int64_t end = minutes_of(lp_json_str(window, "end", NULL), 1439);
    int64_t length = (end - start + 1440) % 1440;

    for (int64_t day = l->first; day <= l->last; day++) {
        int64_t begins = day * DAY_MS + start * MINUTE_MS;
        if (has_day(json_object_get(window, "days"), (int)((day + 3) % 7)) && /* 0: a Thursday */
            !is_excluded(l->exclude, day))
            l->found(first_showing(&l->clock, begins),
                     first_showing(&l->clock, begins + length * MINUTE_MS), l->user);
    }
}

static void look_at_all(struct look *l, int64_t now_ms, int64_t days)
{
    const struct maintenance_spec *m = l->m;
    const json_t *window;
    struct lp_error err;
    size_t i;

    l->clock = (struct clock){ .offset = offset_ms(m->utc_offset) };
    bool known = !m->time_zone || zone_find(m->time_zone, &l->clock.zone, &err) == 0;
    l->first = shown_at(&l->clock, now_ms) / DAY_MS - 2;
    l->last = l->first + 2 + days;
    json_array_foreach(m->weekly, i, window) if (known) look_at_weekly(l, window);
    json_array_foreach(m->dated, i, window)
        l->found(lp_clock_parse(lp_json_str(window, "start", NULL)),
                 lp_clock_parse(lp_json_str(window, "end", NULL)), l->user);
}

/* What has been found of a search. */
struct search {
    int64_t now, next; /* next 0: none yet */
    bool open;
};

static void consider(int64_t start, int64_t end, void *user)
{
    struct search *s = user;

    if (s->now >= start && s->now < end)
        s->open = true;
    else if (start > s->now && start < end && (s->next == 0 || start < s->next))
        s->next = start;
}

bool window_is_open(const struct maintenance_spec *m, int64_t now_ms, int64_t *ret_next_ms)
{
    struct search s = { .now = now_ms };
    struct look l = { .m = m, .found = consider, .user = &s };

    look_at_all(&l, now_ms, NEXT_DAYS);
    *ret_next_ms = s.next;
    return s.open;
}

struct collection {
    struct window_span *spans;
    unsigned n, most;
    int64_t now;
};

static void collect(int64_t start, int64_t end, void *user)
{
    struct collection *c = user;
    unsigned at = c->n;

    if (end <= c->now || start >= end)
        return;
    while (at > 0 && c->spans[at - 1].start_ms > start)
        at--;
    if (at == c->most)
        return;
    if (c->n < c->most)
        c->n++;
    memmove(&c->spans[at + 1], &c->spans[at], (c->n - 1 - at) * sizeof *c->spans);
    c->spans[at] = (struct window_span){ start, end };
}

unsigned window_spans(const struct maintenance_spec *m, const json_t *exclude, int64_t now_ms,
                      struct window_span *ret_spans, unsigned most)
{
    struct collection c = { .spans = ret_spans, .most = most, .now = now_ms };
    struct look l = { .m = m, .exclude = exclude, .found = collect, .user = &c };

    look_at_all(&l, now_ms, WINDOW_SPANS_DAYS);
    return c.n;
}
