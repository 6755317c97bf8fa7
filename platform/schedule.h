/* platform/schedule.h -- an entry of spec.schedules: windows of time in which services have more
 * pods than their minReplicas. Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "json/decode.h"
#include "platform/spec.h"

#define SCHEDULES_MAX 16
#define SCHEDULE_STUDENTS 1000000

/* Borrowed from the spec. */
struct schedule {
    const char *name;
    struct maintenance_spec when; /* utc_offset is +00:00: it counts where there is no time_zone */
    json_t *exclude;              /* ["2026-12-25"] or NULL */
    int64_t lead_minutes; /* so long before a start the pods are asked for; -1: as measured */
    int64_t ramp_minutes; /* so long before that the first of them are */
    int64_t students;     /* that are expected, 1 to SCHEDULE_STUDENTS; 0: replicas alone count */
    struct {
        int64_t services[N_SERVICES]; /* 0: not named */
    } replicas;
};

/* The table of one entry; a test holds it equal to crds/learningplatform.yaml. */
extern const struct lp_json_field schedule_fields[];

/* One entry. LP_E_INVALID with `path`, value and limit; `strict` as in lp_json_decode. */
LP_MUST_USE int schedule_read(const json_t *entry, const char *path, bool strict,
                              struct schedule *ret_schedule, struct lp_error *err);

/* All of spec.schedules (or NULL); names are there once. */
LP_MUST_USE int schedules_check(const json_t *schedules, bool strict, struct lp_error *err);
