/* lib/json/yaml.h -- YAML into json_t, so that there is one decoder behind it, and back. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

/*
 * Parses a stream of one or more YAML documents into a JSON array of them (empty documents are left
 * out); the caller owns it. Values mean what they mean to kubectl (yaml_scalar.h: YAML 1.1, so that
 * a plain yes is true); quoted scalars stay strings. Anchors, aliases and merge keys are resolved
 * (a key of the mapping itself wins), at most LP_LIMIT_YAML_COPIES values by aliases. Duplicate
 * keys and tags other than YAML's own are refused; at most `max` bytes, LP_LIMIT_JSON_DEPTH deep.
 * LP_E_TOO_LARGE, LP_E_INVALID with `what`, line and column.
 */
LP_MUST_USE int lp_yaml_parse(const char *bytes, size_t len, size_t max, const char *what,
                              json_t **ret_documents, struct lp_error *err);

/* Appends one document, keys in their order, ending with a newline: what lp_yaml_parse makes the
 * same JSON of. */
void lp_yaml_write(const json_t *document, struct lp_buf *b);
