/* lib/base/hash.c -- see the header. */
#include "base/hash.h"

#include <string.h>

uint64_t lp_hash_bytes(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ at[i]) * UINT64_C(1099511628211);
    return hash;
}

uint64_t lp_hash_add(uint64_t hash, const char *text)
{
    return text ? lp_hash_bytes(hash, text, strlen(text) + 1) : lp_hash_bytes(hash, "", 1);
}

uint64_t lp_hash(const char *text)
{
    return text ? lp_hash_bytes(LP_HASH_START, text, strlen(text)) : LP_HASH_START;
}
