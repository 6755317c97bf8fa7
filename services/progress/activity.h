/* services/progress/activity.h -- one activity of a learner, as a client sends it. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "services/progress/feedback.h"

/* Texts are owned and trimmed; user_id and name are not empty. What was not sent is NULL or not
 * `has_`. */
struct activity {
    char *user_id, *name, *comment;
    bool has_duration, has_score;
    double duration, score;
    struct feedback feedback;
};
/* A copy without the white space at both ends that String.prototype.trim takes away; the caller's.
 */
char *activity_trimmed(const char *s);

#define auto_activity __attribute__((cleanup(activity_done)))
void activity_done(struct activity *a);

/*
 * Reads userId, activityName, activityDuration, score, comment and feedback; other members are not
 * looked at.
 * Texts may come as numbers and numbers as texts. LP_E_NOT_FOUND where userId or activityName is
 * missing or empty, LP_E_INVALID where a value cannot be cast (objects, arrays, "abc" as a score)
 * or is over a limit; the message names member and value.
 */
LP_MUST_USE int activity_read(const json_t *object, struct activity *ret_activity,
                              struct lp_error *err);
