/* lib/json/yaml.h -- YAML into json_t, so that there is one decoder behind it, and back. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

/*
 * Parses a stream of one or more YAML documents into a JSON array of them (empty documents are left
 * out); the caller owns it. YAML 1.2 core schema as Kubernetes reads it: plain true/false, null and
 * ~, integers and floats; quoted scalars stay strings. Anchors, merge keys, tags and duplicate keys
 * are refused; at most `max` bytes, LP_LIMIT_JSON_DEPTH deep. LP_E_TOO_LARGE, LP_E_INVALID with
 * `what`, line and column.
 */
LP_MUST_USE int lp_yaml_parse(const char *bytes, size_t len, size_t max, const char *what,
                              json_t **ret_documents, struct lp_error *err);

/* Appends one document, keys in their order, ending with a newline: what lp_yaml_parse makes the
 * same JSON of. */
void lp_yaml_write(const json_t *document, struct lp_buf *b);
