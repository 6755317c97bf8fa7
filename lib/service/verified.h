/* lib/service/verified.h -- tokens that were found good, so that each costs its signature once. */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Up to 4,096 tokens by a hash of 128 bits of their text, under a key of this process; a newer one
 * takes the place of an older one. An Ed25519 verification costs about 100 us, a look here less
 * than 1 us. Any thread. */
struct lp_verified;

struct lp_verified *lp_verified_new(void);
void lp_verified_free(struct lp_verified *v);

/* A copy of the claims, the caller's; NULL where the token is not known or its exp is not in the
 * future of `now_s` any more. (A value that threads share by jansson's count of references is freed
 * without an acquire: on arm64 another thread's reads may come after.) */
json_t *lp_verified_find(struct lp_verified *v, const char *token, size_t len, int64_t now_s);

/* What _add was given before is not found any more: the keys have changed. */
void lp_verified_clear(struct lp_verified *v);

/* `clears`: what _clears gave before the token was verified; if keys have changed since, nothing is
 * kept. The claims are copied. */
uint64_t lp_verified_clears(struct lp_verified *v);
void lp_verified_add(struct lp_verified *v, const char *token, size_t len, const json_t *claims,
                     uint64_t clears);
