/* lib/json/yaml_line.h -- where in a YAML text a field stands, for messages. Pure. */
#pragma once

#include <stddef.h>

/*
 * The line, counted from 1, of the field that `path` names ("steps[2].expect.status") in the first
 * document of a text that lp_yaml_parse takes; of the deepest part of the way that is there where
 * the rest is missing; 1 where nothing is. Aliases are not followed.
 */
size_t lp_yaml_line(const char *bytes, size_t len, const char *path);
