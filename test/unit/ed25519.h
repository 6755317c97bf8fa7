/* test/unit/ed25519.h -- a new private key as PEM (PKCS #8). */
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "unit/check.h"

/* The caller's. */
static char *new_private_key(void)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    BIO *memory = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    assert_true(PEM_write_bio_PKCS8PrivateKey(memory, key, NULL, NULL, 0, NULL, NULL));
    long n = BIO_get_mem_data(memory, &bytes);
    char *pem = lp_strndup(bytes, (size_t)n);
    BIO_free(memory);
    EVP_PKEY_free(key);
    return pem;
}
