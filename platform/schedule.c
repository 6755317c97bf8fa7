/* platform/schedule.c -- see the header. No state. */
#include "platform/schedule.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "json/json.h"
#include "platform/window.h"

#define END         \
    {               \
        .key = NULL \
    }
#define OF_WINDOW(member) offsetof(struct schedule, when.member)
#define OF_SERVICE(id) ((id) * sizeof(int64_t))

static const struct lp_json_field replicas_fields[] = {
    { .key = "gateway",
      .type = LP_JSON_INT,
      .offset = OF_SERVICE(SERVICE_GATEWAY),
      .min = 1,
      .max = 1000 },
    { .key = "auth",
      .type = LP_JSON_INT,
      .offset = OF_SERVICE(SERVICE_AUTH),
      .min = 1,
      .max = 1000 },
    { .key = "aiFeedback",
      .type = LP_JSON_INT,
      .offset = OF_SERVICE(SERVICE_AI_FEEDBACK),
      .min = 1,
      .max = 1000 },
    { .key = "progress",
      .type = LP_JSON_INT,
      .offset = OF_SERVICE(SERVICE_PROGRESS),
      .min = 1,
      .max = 1000 },
    END,
};

const struct lp_json_field schedule_fields[] = {
    { .key = "name",
      .type = LP_JSON_STRING,
      .offset = offsetof(struct schedule, name),
      .required = true,
      .min = 1,
      .max = 63 },
    { .key = "timeZone",
      .type = LP_JSON_STRING,
      .offset = OF_WINDOW(time_zone),
      .min = 1,
      .max = 64 },
    { .key = "weekly", .type = LP_JSON_ARRAY, .offset = OF_WINDOW(weekly), .max = 14 },
    { .key = "dated", .type = LP_JSON_ARRAY, .offset = OF_WINDOW(dated), .max = 32 },
    { .key = "exclude",
      .type = LP_JSON_ARRAY,
      .offset = offsetof(struct schedule, exclude),
      .max = 64 },
    { .key = "leadMinutes",
      .type = LP_JSON_INT,
      .offset = offsetof(struct schedule, lead_minutes),
      .max = 120 },
    { .key = "rampMinutes",
      .type = LP_JSON_INT,
      .offset = offsetof(struct schedule, ramp_minutes),
      .max = 120 },
    { .key = "expectedStudents",
      .type = LP_JSON_INT,
      .offset = offsetof(struct schedule, students),
      .min = 1,
      .max = SCHEDULE_STUDENTS },
    { .key = "replicas",
      .type = LP_JSON_OBJECT,
      .offset = offsetof(struct schedule, replicas),
      .fields = replicas_fields },
    END,
};

/* A day of the calendar: the one that it is written back as. */
static bool is_date(const char *text)
{
    char whole[LP_CLOCK_TEXT], back[LP_CLOCK_TEXT];

    if (!text || strlen(text) != 10)
        return false;
    for (int i = 0; i < 10; i++)
        if (i == 4 || i == 7 ? text[i] != '-' : !isdigit((unsigned char)text[i]))
            return false;
    memcpy(whole, text, 10);
    memcpy(whole + 10, "T00:00:00Z", sizeof "T00:00:00Z");
    int64_t ms = lp_clock_parse(whole);
    if (ms < 0)
        return false;
    lp_clock_format(ms, 0, back);
    return strncmp(back, text, 10) == 0;
}

static int check_exclude(const json_t *exclude, const char *path, struct lp_error *err)
{
    const json_t *date;
    size_t i;

    json_array_foreach(exclude, i, date)
    {
        const char *text = json_string_value(date);
        if (!is_date(text))
            return lp_error_set(err, LP_E_INVALID,
                                "%s.exclude[%zu]: must be a date as 2026-12-25, is \"%.64s\"", path,
                                i, text ? text : "nothing");
    }
    return 0;
}

static int check_has_parts(const struct schedule *s, const char *path, struct lp_error *err)
{
    bool any = false;

    if (json_array_size(s->when.weekly) + json_array_size(s->when.dated) == 0)
        return lp_error_set(err, LP_E_INVALID,
                            "%s: must have a window in weekly or dated, has none", path);
    for (unsigned i = 0; i < N_SERVICES; i++)
        any = any || s->replicas.services[i] > 0;
    if (!any && s->students == 0)
        return lp_error_set(err, LP_E_INVALID,
                            "%s: must have replicas of a service or expectedStudents (1..%d), has "
                            "neither",
                            path, SCHEDULE_STUDENTS);
    return 0;
}

int schedule_read(const json_t *entry, const char *path, bool strict, struct schedule *ret_schedule,
                  struct lp_error *err)
{
    struct schedule s = { .when.utc_offset = "+00:00", .lead_minutes = -1 };

    int r = lp_json_decode(entry, schedule_fields, strict, path, &s, err);
    if (r == 0)
        r = window_check(&s.when, path, err);
    if (r == 0)
        r = check_exclude(s.exclude, path, err);
    if (r == 0)
        r = check_has_parts(&s, path, err);
    if (r == 0)
        *ret_schedule = s;
    return r;
}

int schedules_check(const json_t *schedules, bool strict, struct lp_error *err)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(schedules, i, entry)
    {
        lp_auto_free char *path = lp_sprintf("spec.schedules[%zu]", i);
        struct schedule s = { .name = "" };
        int r = schedule_read(entry, path, strict, &s, err);
        if (r < 0)
            return r;
        for (size_t k = 0; k < i; k++) {
            const char *other = lp_json_str(json_array_get(schedules, k), "name", NULL);
            if (other && strcmp(other, s.name) == 0)
                return lp_error_set(err, LP_E_INVALID, "%s.name: \"%.64s\" is there twice", path,
                                    s.name);
        }
    }
    return 0;
}
