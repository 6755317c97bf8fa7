/* services/auth/passwords/verified.h -- passwords that were right a short while ago. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define VERIFIED_MAC 32 /* bytes of HMAC-SHA256 */

/*
 * Knows (stored hash, password) by their HMAC under a random key of this process, which never
 * leaves it. Opaque: hides a lock. At most 4,096; a new one takes the place of an old one.
 */
struct verified;

/* `ttl_ms` 0: knows nothing, ever. */
struct verified *verified_new(int64_t ttl_ms);
void verified_free(struct verified *v);

/* HMAC over a list of texts, each by itself, so that no two lists are the same bytes. */
void verified_mac(const struct verified *v, const char *const *texts, unsigned n,
                  unsigned char ret_mac[VERIFIED_MAC]);

/* Whether `password` was right for `hash` within the last `ttl_ms`. Any thread. */
bool verified_knows(struct verified *v, const char *hash, const char *password);
void verified_add(struct verified *v, const char *hash, const char *password);
