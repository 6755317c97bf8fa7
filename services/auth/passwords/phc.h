/* services/auth/passwords/phc.h -- the text form of an argon2id hash (PHC string format). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PHC_SALT_MAX 48
#define PHC_HASH_MAX 64

struct phc {
    uint32_t memory_kib, passes, lanes;
    uint8_t salt[PHC_SALT_MAX], hash[PHC_HASH_MAX];
    size_t salt_len, hash_len;
};

/* Fills `text`; false where it does not fit `size` bytes. */
bool phc_write(const struct phc *p, char *text, size_t size);

/*
 * False for anything but "$argon2id$v=19$m=M,t=T,p=P$salt$hash" with M 8..262144, T 1..20, P 1..4,
 * a salt of 8..48 and a hash of 16..64 bytes in unpadded base64.
 */
bool phc_read(const char *text, struct phc *ret_phc);
