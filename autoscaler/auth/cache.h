/* autoscaler/auth/cache.h -- what was found out a moment ago, by a digest of the question. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define CACHE_DIGEST 32

/* SHA-256 of the question; the one who asks separates its parts. */
void cache_digest(const struct lp_buf *question, unsigned char ret_digest[CACHE_DIGEST]);

/*
 * At most `capacity` entries, each for `ttl_ms`; a full neighbourhood loses its oldest. Values are
 * counted by `ref` and `unref` (NULL: not counted), which do no more than that. Opaque: hides a
 * lock; any thread.
 */
struct cache;
struct cache *cache_new(unsigned capacity, int64_t ttl_ms, void (*ref)(void *),
                        void (*unref)(void *));
void cache_free(struct cache *c); /* NULL is fine */

/* False where nothing fresh is there; else a reference of the caller's. */
bool cache_get(struct cache *c, const unsigned char digest[CACHE_DIGEST], int64_t now_ms,
               void **ret_value);
/* Takes a reference of its own. */
void cache_put(struct cache *c, const unsigned char digest[CACHE_DIGEST], void *value,
               int64_t now_ms);
