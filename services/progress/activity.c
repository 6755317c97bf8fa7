/*
 * Casts the members of an activity the way the platform's schema always did: clients send numbers
 * as texts and learners' ids as numbers. Objects never pass, so no query operator can arrive in a
 * document or a filter.
 *
 * No state.
 */
#include "services/progress/activity.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "json/number.h"

#define MAX_USER_ID ((size_t)256)
#define MAX_NAME ((size_t)1024)
#define MAX_COMMENT ((size_t)64 * 1024)

/* What String.prototype.trim takes away (ECMA-262, WhiteSpace and LineTerminator), in UTF-8. */
static const char *const spaces[] = {
    " ",
    "\t",
    "\n",
    "\r",
    "\v",
    "\f",
    "\xc2\xa0",
    "\xe1\x9a\x80",
    "\xe2\x80\x80",
    "\xe2\x80\x81",
    "\xe2\x80\x82",
    "\xe2\x80\x83",
    "\xe2\x80\x84",
    "\xe2\x80\x85",
    "\xe2\x80\x86",
    "\xe2\x80\x87",
    "\xe2\x80\x88",
    "\xe2\x80\x89",
    "\xe2\x80\x8a",
    "\xe2\x80\xa8",
    "\xe2\x80\xa9",
    "\xe2\x80\xaf",
    "\xe2\x81\x9f",
    "\xe3\x80\x80",
    "\xef\xbb\xbf",
};

static size_t space_at_start(const char *s, size_t n)
{
    for (size_t i = 0; i < LP_COUNT(spaces); i++) {
        size_t m = strlen(spaces[i]);
        if (m <= n && memcmp(s, spaces[i], m) == 0)
            return m;
    }
    return 0;
}

static size_t space_at_end(const char *s, size_t n)
{
    for (size_t i = 0; i < LP_COUNT(spaces); i++) {
        size_t m = strlen(spaces[i]);
        if (m <= n && memcmp(s + n - m, spaces[i], m) == 0)
            return m;
    }
    return 0;
}

char *activity_trimmed(const char *s)
{
    size_t n = strlen(s), m;
    while ((m = space_at_start(s, n)) > 0) {
        s += m;
        n -= m;
    }
    while ((m = space_at_end(s, n)) > 0)
        n -= m;
    return lp_strndup(s, n);
}

void activity_done(struct activity *a)
{
    free(a->user_id);
    free(a->name);
    free(a->comment);
    *a = (struct activity){ 0 };
}

static int cast_failed(const char *key, const char *to, const json_t *value, struct lp_error *err)
{
    lp_auto_free char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    return lp_error_set(err, LP_E_INVALID,
                        "activityLog validation failed: %s: Cast to %s failed for value %.100s at "
                        "path \"%s\"",
                        key, to, text ? text : "?", key);
}

/* NULL and 0 for an absent or null member. */
static int read_text(const json_t *object, const char *key, size_t max, char **ret_text,
                     struct lp_error *err)
{
    const json_t *value = json_object_get(object, key);
    char *text = NULL;

    if (json_is_string(value)) {
        text = activity_trimmed(json_string_value(value));
    } else if (json_is_number(value)) {
        char number[LP_NUMBER_TEXT];
        lp_json_number_text(value, number);
        text = lp_strdup(number);
    } else if (json_is_boolean(value)) {
        text = lp_strdup(json_is_true(value) ? "true" : "false");
    } else if (value && !json_is_null(value)) {
        return cast_failed(key, "string", value, err);
    }
    if (text && strlen(text) > max) {
        size_t n = strlen(text);
        free(text);
        return lp_error_set(err, LP_E_INVALID,
                            "activityLog validation failed: %s: %zu bytes, at most %zu allowed",
                            key, n, max);
    }
    *ret_text = text;
    return 0;
}

/* A decimal number, as Number() reads it: no hex, no infinity here. */
static bool number_of(const char *text, double *ret_value)
{
    char *end;
    if (text[strspn(text, "0123456789+-.eE")] != '\0')
        return false;
    *ret_value = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*ret_value);
}

static int read_number(const json_t *object, const char *key, bool *ret_has, double *ret_value,
                       struct lp_error *err)
{
    const json_t *value = json_object_get(object, key);

    *ret_has = false;
    if (!value || json_is_null(value))
        return 0;
    if (json_is_number(value)) {
        *ret_value = json_number_value(value);
    } else if (json_is_boolean(value)) {
        *ret_value = json_is_true(value) ? 1 : 0;
    } else if (json_is_string(value)) {
        lp_auto_free char *text = activity_trimmed(json_string_value(value));
        if (*text == '\0')
            return 0;
        if (!number_of(text, ret_value))
            return cast_failed(key, "Number", value, err);
    } else {
        return cast_failed(key, "Number", value, err);
    }
    *ret_has = true;
    return 0;
}

/* What JavaScript calls falsy, which is how the platform has always asked whether it was given. */
static bool is_missing(const json_t *value)
{
    return !value || json_is_null(value) || json_is_false(value) ||
           (json_is_number(value) && json_number_value(value) == 0) ||
           (json_is_string(value) && json_string_length(value) == 0);
}

static int read_all(const json_t *object, struct activity *a, struct lp_error *err)
{
    int r = read_text(object, "userId", MAX_USER_ID, &a->user_id, err);
    if (r == 0)
        r = read_text(object, "activityName", MAX_NAME, &a->name, err);
    if (r == 0)
        r = read_text(object, "comment", MAX_COMMENT, &a->comment, err);
    if (r == 0)
        r = read_number(object, "activityDuration", &a->has_duration, &a->duration, err);
    if (r == 0)
        r = read_number(object, "score", &a->has_score, &a->score, err);
    if (r == 0)
        r = feedback_read(json_object_get(object, "feedback"), &a->feedback, err);
    if (r == 0 && (!a->user_id || !*a->user_id || !a->name || !*a->name))
        return lp_error_set(err, LP_E_NOT_FOUND, "userId and activityName are required");
    return r;
}

int activity_read(const json_t *object, struct activity *ret_activity, struct lp_error *err)
{
    auto_activity struct activity a = { 0 };

    if (is_missing(json_object_get(object, "userId")) ||
        is_missing(json_object_get(object, "activityName")))
        return lp_error_set(err, LP_E_NOT_FOUND, "userId and activityName are required");
    int r = read_all(object, &a, err);
    if (r < 0)
        return r;
    *ret_activity = a;
    a = (struct activity){ 0 };
    return 0;
}
