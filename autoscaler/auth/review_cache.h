/* autoscaler/auth/review_cache.h -- what was found out a moment ago, by a digest of the question.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define REVIEW_DIGEST 32

/* SHA-256 of the question; the one who asks separates its parts. */
void review_cache_digest(const struct lp_buf *question, unsigned char ret_digest[REVIEW_DIGEST]);

/*
 * At most `capacity` entries, each for `ttl_ms`; a full neighbourhood loses its oldest. Values are
 * counted by `ref` and `unref` (NULL: not counted), which do no more than that. Opaque: hides a
 * lock; any thread.
 */
struct review_cache;
struct review_cache *review_cache_new(unsigned capacity, int64_t ttl_ms, void (*ref)(void *),
                                      void (*unref)(void *));
void review_cache_free(struct review_cache *c); /* NULL is fine */

/* False where nothing fresh is there; else a reference of the caller's. */
bool review_cache_get(struct review_cache *c, const unsigned char digest[REVIEW_DIGEST],
                      int64_t now_ms, void **ret_value);
/* Takes a reference of its own. */
void review_cache_put(struct review_cache *c, const unsigned char digest[REVIEW_DIGEST],
                      void *value, int64_t now_ms);
