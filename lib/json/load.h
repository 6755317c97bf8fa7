/* lib/json/load.h -- from bytes to a tree, for texts that come by the thousand. */
#pragma once

#include <jansson.h>
#include <stddef.h>

/*
 * Exactly json_loadb() with JSON_REJECT_DUPLICATES, several times as fast for what API servers and
 * our own programs send. The caller's; NULL with *why filled where the text is not one object or
 * array.
 */
json_t *lp_json_load(const char *bytes, size_t len, json_error_t *why);
