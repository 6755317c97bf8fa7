/* Pure functions of the decoded body, one message per field. Any thread. */
#include "services/auth/http/validate_profile.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static void complain_about(json_t **details, const char *field, const char *what)
{
    char message[96];
    snprintf(message, sizeof message, "%s %s", field, what);
    validate_complain(details, message);
}

/* An optional text of at most `max` characters. */
static void check_text(const json_t *body, const char *field, int max, struct store_change *change,
                       json_t **details)
{
    char limit[48];
    const json_t *value = json_object_get(body, field);
    const char *text = json_string_value(value);
    if (!value)
        return;
    change->set = true;
    change->value = NULL;
    snprintf(limit, sizeof limit, "must be no more than %d characters", max);
    if (!validate_is_given(value))
        return;
    if (!text)
        complain_about(details, field, "must be a string");
    else if (validate_length(text) > (size_t)max)
        complain_about(details, field, limit);
    else
        change->value = text;
}

/* http or https, a host, no white space or control, at most VALIDATE_URL_MAX bytes. Nobody here
 * ever fetches it. */
static bool validate_is_web_url(const char *text)
{
    size_t scheme = strncasecmp(text, "https://", 8) == 0  ? 8
                    : strncasecmp(text, "http://", 7) == 0 ? 7
                                                           : 0;
    size_t host = strcspn(text + scheme, "/?#");
    return scheme > 0 && host > 0 && strlen(text) <= VALIDATE_URL_MAX &&
           !memchr(text + scheme, '@', host) && text[scheme] != ':' && !validate_has_unseen(text) &&
           !strpbrk(text, "\"<>\\^`{|}");
}

static void check_url(const json_t *body, struct store_change *change, json_t **details)
{
    const json_t *value = json_object_get(body, "avatar_url");
    const char *text = json_string_value(value);
    if (!value)
        return;
    *change = (struct store_change){ validate_is_given(value) ? text : NULL, true };
    if (validate_is_given(value) && (!text || !validate_is_web_url(text)))
        validate_complain(details, "avatar_url must be a valid URL");
}

static void check_name(const json_t *body, struct validate_change *change, json_t **details)
{
    struct validate_account account = { 0 };
    const json_t *value = json_object_get(body, "name");
    if (!value)
        return;
    validate_name(value, &account, details);
    memcpy(change->name, account.name, sizeof change->name);
    change->profile.name = (struct store_change){ change->name, true };
}

static void check_role(const json_t *body, struct validate_change *change, json_t **details)
{
    const json_t *value = json_object_get(body, "role");
    const char *role = json_string_value(value);
    bool known = role && (strcmp(role, "user") == 0 || strcmp(role, "teacher") == 0 ||
                          strcmp(role, "admin") == 0);
    if (value && !known)
        validate_complain(details, "role must be one of: user, admin");
    change->role = role;
}

json_t *validate_profile(const json_t *body, struct validate_change *ret_change)
{
    struct store_profile *p = &ret_change->profile;
    json_t *details = NULL;
    *ret_change = (struct validate_change){ 0 };
    check_name(body, ret_change, &details);
    check_text(body, "bio", VALIDATE_BIO_MAX, &p->bio, &details);
    check_url(body, &p->avatar_url, &details);
    check_text(body, "phone", VALIDATE_PHONE_MAX, &p->phone, &details);
    check_text(body, "address", VALIDATE_ADDRESS_MAX, &p->address, &details);
    check_role(body, ret_change, &details);
    bool any = p->name.set || p->bio.set || p->avatar_url.set || p->phone.set || p->address.set ||
               json_object_get(body, "role");
    if (!any)
        validate_complain(&details, "No data provided for update");
    return details;
}

static void check_new_password(const json_t *value, const char **ret_password, json_t **details)
{
    static const char field[] = "New password";
    const char *text = json_string_value(value);
    if (!validate_is_given(value))
        complain_about(details, field, "is required");
    else if (!text)
        complain_about(details, field, "must be a string");
    else if (validate_length(text) < VALIDATE_PASSWORD_MIN)
        complain_about(details, field, "must be at least 6 characters");
    else if (validate_length(text) > VALIDATE_PASSWORD_MAX)
        complain_about(details, field, "must be no more than 1024 characters");
    else
        *ret_password = text;
}

json_t *validate_reset(const json_t *body, const char **ret_token, const char **ret_password)
{
    json_t *details = NULL;
    const json_t *token = json_object_get(body, "token");
    *ret_token = json_string_value(token);
    if (!validate_is_given(token))
        validate_complain(&details, "Token is required");
    else if (!*ret_token)
        validate_complain(&details, "Token must be a string");
    check_new_password(json_object_get(body, "newPassword"), ret_password, &details);
    return details;
}

json_t *validate_email_only(const json_t *body, struct validate_account *ret_account)
{
    json_t *details = NULL;
    validate_email(json_object_get(body, "email"), ret_account, &details);
    return details;
}
