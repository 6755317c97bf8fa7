/* lib/service/secret_keys.h -- the HMAC keys of tokens, read again where the file that has them
 * changes. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Opaque: hides locks; any thread. */
struct lp_secret_keys;

/*
 * `secrets`: as for lp_jwt_keys_new; NULL, "": none. `dir`: a mounted Secret, whose file `hmac`
 * takes their place while it is there: the same list, at most 8 KiB, white space at its end left
 * out; NULL, "": none. Strings are copied. LP_E_INVALID, LP_E_TOO_LARGE, without a key in the
 * message.
 */
LP_MUST_USE int lp_secret_keys_new(const char *secrets, const char *dir,
                                   struct lp_secret_keys **ret_keys, struct lp_error *err);
void lp_secret_keys_free(struct lp_secret_keys *k);

/* Reads the file again, if only where it looks changed (inode, size, times). What cannot be used is
 * logged once, and the former keys stay. True: other keys are in use now. */
bool lp_secret_keys_look(struct lp_secret_keys *k, bool even_unchanged);

/*
 * lp_jwt_verify of an access token. A token that these keys do not open makes the file be looked
 * at, and is tried once more with what it has now, so that a key is good from the moment it is
 * there; *ret_changed is set then. LP_E_NOT_FOUND: the token is EdDSA. LP_E_DENIED with the reason.
 */
LP_MUST_USE int lp_secret_keys_verify(struct lp_secret_keys *k, const char *token, size_t len,
                                      json_t **ret_claims, bool *ret_changed, struct lp_error *err);
