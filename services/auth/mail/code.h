/* services/auth/mail/code.h -- one-time codes, as they stand in links. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "services/auth/database/store_mail.h"

#define CODE_TEXT 44 /* 43 random digits of base64url, with the NUL */

LP_MUST_USE int code_make(char ret_code[CODE_TEXT], char ret_hash[STORE_CODE_HASH],
                          struct lp_error *err);

/* The hash that is stored of a code; false where `text` has not a code's form. */
bool code_hash(const char *text, char ret_hash[STORE_CODE_HASH]);
