/* lib/base/hash.h -- FNV-1a, 64 bits (RFC 9923): for tables and for marks of what was seen. Not for
 * keys that a stranger chooses, nor for secrets. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define LP_HASH_START UINT64_C(14695981039346656037)

/* Goes on from `hash`, LP_HASH_START at first. */
uint64_t lp_hash_bytes(uint64_t hash, const void *bytes, size_t n);
/* With the final NUL, so that "ab","c" and "a","bc" differ; NULL counts as "". */
uint64_t lp_hash_add(uint64_t hash, const char *text);
/* Of one text without its NUL; NULL counts as "". */
uint64_t lp_hash(const char *text);
