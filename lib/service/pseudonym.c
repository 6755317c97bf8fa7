/*
 * Keyed hashes of learners' identifiers: the same learner is the same text in all lines of a log,
 * and nobody without the key can test a guess. One key per process, set before threads start.
 */
#include "service/pseudonym.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static unsigned char hash_key[32];

void lp_pseudonym_key(const char *key)
{
    unsigned n = 0;
    if (key && *key)
        EVP_Digest(key, strlen(key), hash_key, &n, EVP_sha256(), NULL);
    else if (getrandom(hash_key, sizeof hash_key, 0) != (ssize_t)sizeof hash_key)
        abort(); /* cannot fail for 32 bytes once the system is up */
}

void lp_service_pseudonym(const char *identifier, char ret_text[LP_PSEUDONYM])
{
    unsigned char mac[EVP_MAX_MD_SIZE] = { 0 };
    unsigned n = 0;

    HMAC(EVP_sha256(), hash_key, sizeof hash_key, (const unsigned char *)identifier,
         strlen(identifier), mac, &n);
    for (size_t i = 0; i < (LP_PSEUDONYM - 1) / 2; i++)
        snprintf(ret_text + 2 * i, 3, "%02x", mac[i]);
}
