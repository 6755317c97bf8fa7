/* test/unit/yaml.h -- objects of tests, written as YAML. */
#pragma once

#include <string.h>

#include "base/limits.h"
#include "json/yaml.h"
#include "unit/check.h"

/* The first document of the text, the caller's. */
static inline json_t *parse(const char *yaml)
{
    json_auto_t *documents = NULL;
    struct lp_error why;
    if (lp_yaml_parse(yaml, strlen(yaml), LP_LIMIT_CONFIG_BYTES, "test", &documents, &why) < 0)
        fail_msg("%s: %s", yaml, why.msg);
    return json_incref(json_array_get(documents, 0));
}
