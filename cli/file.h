/* cli/file.h -- LearningPlatforms from a file. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"

/* Appends the bytes of a file ("-": standard input). LP_E_INVALID, LP_E_TOO_LARGE over the limit of
 * `out`. */
LP_MUST_USE int file_read(const char *path, struct lp_buf *out, struct lp_error *err);

/*
 * The LearningPlatforms of YAML or JSON files ("-": standard input; a folder: its *.yaml, *.yml and
 * *.json), those in Lists too, other kinds left out, each with a namespace: its own, or `ns`.
 * `paths` ends with NULL. The caller owns the array. LP_E_INVALID with file, line and what is
 * wrong, also where none is in them; LP_E_TOO_LARGE: a file over LP_LIMIT_CONFIG_BYTES, a folder
 * with over 1,000 files.
 */
LP_MUST_USE int file_platforms(const char *const *paths, const char *ns, json_t **ret_platforms,
                               struct lp_error *err);

/* Appends a v1 List of `items` as one line of JSON. */
void file_write_list(json_t *items, struct lp_buf *out);
