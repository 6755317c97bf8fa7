/* services/auth/privacy/master.h -- the admin's master keys, as files of a mounted Secret. */
#pragma once

#include "base/error.h"
#include "services/auth/privacy/seal.h"

struct master {
    unsigned char key[SEAL_KEY];
    char id[SEAL_ID]; /* seal_name_key(); "": there is none */
};
struct masters {
    struct master current, previous;
};

/*
 * The files `current` and, where it is there, `previous` of `dir`, each base64 of 32 bytes; white
 * space counts for nothing. LP_E_INVALID names the field of the platform and the file, never a
 * value.
 */
LP_MUST_USE int masters_read(const char *dir, struct masters *ret_masters, struct lp_error *err);

/* The one that has this name; NULL. */
const struct master *masters_find(const struct masters *m, const char *id);
