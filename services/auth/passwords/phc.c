/*
 * libargon2 keeps its own writer and reader of PHC strings behind calls that allocate for
 * themselves; password.c gives argon2 its memory, so the text is made here. Pure; any thread.
 */
#include "services/auth/passwords/phc.h"

#include <stdio.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Base64 without padding (RFC 4648, section 4); returns the end. `out` has room for 4/3 n + 3. */
static char *encode(const uint8_t *bytes, size_t n, char *out)
{
    uint32_t acc = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < n; i++) {
        acc = acc << 8 | bytes[i];
        for (bits += 8; bits >= 6; bits -= 6)
            *out++ = digits[acc >> (bits - 6) & 63];
    }
    if (bits > 0)
        *out++ = digits[acc << (6 - bits) & 63];
    *out = '\0';
    return out;
}

/* Reads up to `end`; false for a foreign digit, bits left over, or more than `max` bytes. */
static bool decode(const char *text, const char *end, size_t max, uint8_t *out, size_t *ret_len)
{
    uint32_t acc = 0;
    unsigned bits = 0;
    size_t n = 0;
    for (; text < end; text++) {
        const char *digit = strchr(digits, *text);
        if (!digit || !*digit)
            return false;
        acc = acc << 6 | (uint32_t)(digit - digits);
        bits += 6;
        if (bits >= 8) {
            if (n == max)
                return false;
            bits -= 8;
            out[n++] = (uint8_t)(acc >> bits);
        }
    }
    *ret_len = n;
    return bits < 6 && (acc & ((1U << bits) - 1)) == 0;
}

bool phc_write(const struct phc *p, char *text, size_t size)
{
    char salt[PHC_SALT_MAX * 4 / 3 + 4], hash[PHC_HASH_MAX * 4 / 3 + 4];
    encode(p->salt, p->salt_len, salt);
    encode(p->hash, p->hash_len, hash);
    int n = snprintf(text, size, "$argon2id$v=19$m=%u,t=%u,p=%u$%s$%s", p->memory_kib, p->passes,
                     p->lanes, salt, hash);
    return n > 0 && (size_t)n < size;
}

/* Takes `name` and a number of at most 6 digits off the front of *text. */
static bool read_number(const char **text, const char *name, uint32_t *ret_number)
{
    size_t n = strlen(name), digit;
    uint32_t number = 0;
    if (strncmp(*text, name, n) != 0)
        return false;
    const char *at = *text + n;
    for (digit = 0; digit < 6 && at[digit] >= '0' && at[digit] <= '9'; digit++)
        number = number * 10 + (uint32_t)(at[digit] - '0');
    *text = at + digit;
    *ret_number = number;
    return digit > 0;
}

bool phc_read(const char *text, struct phc *ret_phc)
{
    struct phc p = { 0 };
    uint32_t version = 0;
    if (!read_number(&text, "$argon2id$v=", &version) || version != 19 ||
        !read_number(&text, "$m=", &p.memory_kib) || !read_number(&text, ",t=", &p.passes) ||
        !read_number(&text, ",p=", &p.lanes) || *text != '$')
        return false;
    const char *salt = text + 1;
    const char *dollar = strchr(salt, '$');
    if (!dollar || !decode(salt, dollar, PHC_SALT_MAX, p.salt, &p.salt_len) ||
        !decode(dollar + 1, dollar + strlen(dollar), PHC_HASH_MAX, p.hash, &p.hash_len))
        return false;
    if (p.memory_kib < 8 || p.memory_kib > 262144 || p.passes < 1 || p.passes > 20 || p.lanes < 1 ||
        p.lanes > 4 || p.salt_len < 8 || p.hash_len < 16)
        return false;
    *ret_phc = p;
    return true;
}
