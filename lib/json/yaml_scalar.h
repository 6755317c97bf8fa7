/* lib/json/yaml_scalar.h -- what a scalar of YAML means to kubectl (sigs.k8s.io/yaml: YAML 1.1).
 * For yaml*.c. Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* The value of a plain scalar: null, a boolean (yes, no, on, off, y and n too), an integer
 * (decimal, 0x, 0o or 0, 0b; with underscores), a float, else a string. The caller's; NULL for bad
 * UTF-8. */
json_t *lp_yaml_plain(const char *s);

/* The value of a scalar with one of YAML's own tags ("tag:yaml.org,2002:str" …, or "!": a string).
 * False where the tag is another, or does not fit. */
bool lp_yaml_tagged(const char *tag, const char *s, json_t **ret);
