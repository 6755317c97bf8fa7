/* 256 bits: nobody guesses one within its 15 minutes, however many are tried. Any thread. */
#include "services/auth/mail/code.h"

#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

bool code_hash(const char *text, char ret_hash[STORE_CODE_HASH])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    if (strlen(text) != CODE_TEXT - 1 || text[strspn(text, digits)] != '\0')
        return false;
    SHA256((const unsigned char *)text, CODE_TEXT - 1, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(ret_hash + 2 * i, 3, "%02x", digest[i]);
    return true;
}

int code_make(char ret_code[CODE_TEXT], char ret_hash[STORE_CODE_HASH], struct lp_error *err)
{
    unsigned char random[CODE_TEXT - 1];
    if (RAND_bytes(random, sizeof random) != 1)
        return lp_error_set(err, LP_E_INTERNAL, "no random bytes for a code");
    for (size_t i = 0; i < sizeof random; i++)
        ret_code[i] = digits[random[i] & 63]; /* 43 digits of 6 bits: 258 bits */
    ret_code[sizeof random] = '\0';
    code_hash(ret_code, ret_hash);
    return 0;
}
