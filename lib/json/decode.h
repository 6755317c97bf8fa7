/* lib/json/decode.h -- a JSON object into a plain struct, by a table, once, at the edge. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum lp_json_type {
    LP_JSON_STRING, /* const char *, borrowed from the document */
    LP_JSON_INT,    /* int64_t */
    LP_JSON_BOOL,   /* bool */
    LP_JSON_OBJECT, /* json_t *, borrowed; with `fields` decoded at `offset` instead */
    LP_JSON_ARRAY,  /* json_t *, borrowed */
    LP_JSON_ANY,    /* json_t *, borrowed, any type */
};

/*
 * One member. `min` and `max` limit an integer's value, a string's bytes or an array's items; both
 * 0 means no limit. With `one_of` (ends with NULL) a string must be one of these. A null member
 * counts as absent.
 */
struct lp_json_field {
    const char *key;
    enum lp_json_type type;
    size_t offset;
    bool required;
    int64_t min, max;
    const char *const *one_of;
    const struct lp_json_field *fields; /* of an object decoded in place; ends with key NULL */
};

/*
 * Fills `out` from `object` by `fields` (ends with key NULL); what is absent keeps its value.
 * Unknown keys are an error where `strict`. `path` is put before names in messages: "spec.replicas:
 * must be 1..100, is 0"; "": nothing is. LP_E_INVALID.
 */
LP_MUST_USE int lp_json_decode(const json_t *object, const struct lp_json_field *fields,
                               bool strict, const char *path, void *out, struct lp_error *err);
