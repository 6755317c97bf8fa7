/* services/auth/http/validate_profile.h -- what a profile and a new password may be. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "services/auth/database/store_admin.h"
#include "services/auth/http/validate.h"

#define VALIDATE_BIO_MAX 500
#define VALIDATE_PHONE_MAX 20
#define VALIDATE_ADDRESS_MAX 200
#define VALIDATE_URL_MAX 2048

/* A change of a profile; its values are borrowed from the body and from `name`. */
struct validate_change {
    struct store_profile profile;
    char name[3 * VALIDATE_NAME_MAX + 1];
    const char *role; /* NULL: not in the body */
};

/* NULL, or messages in the order name, bio, avatar_url, phone, address, role; "No data provided for
 * update" where none of them is there. null and "" take a value away, but not a name or a role. */
json_t *validate_profile(const json_t *body, struct validate_change *ret_change);

/* NULL, or messages in the order token, newPassword; both are borrowed from the body. */
json_t *validate_reset(const json_t *body, const char **ret_token, const char **ret_password);

/* NULL, or the message about email; `ret_account` gets the address. */
json_t *validate_email_only(const json_t *body, struct validate_account *ret_account);
