/*
 * The checks of request bodies, pure functions of the decoded body. One message per field: the
 * first that applies, so that a client shows one line under each input. Any thread.
 */
#include "services/auth/http/validate.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

void validate_complain(json_t **details, const char *message)
{
    if (!*details)
        *details = json_array();
    json_array_append_new(*details, json_string(message));
}

/* Length as JavaScript counts it: characters outside the basic plane are two. `text` is valid
 * UTF-8. */
static size_t utf16_length(const char *text, size_t bytes)
{
    size_t units = 0;
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c & 0xC0) != 0x80)
            units += c >= 0xF0 ? 2 : 1;
    }
    return units;
}

size_t validate_length(const char *text)
{
    return utf16_length(text, strlen(text));
}

static bool is_domain(const char *domain)
{
    const char *dot = strchr(domain, '.');
    size_t n = strlen(domain);
    return dot && dot != domain && domain[n - 1] != '.' && !strstr(domain, "..");
}

/* Ranges of characters that are white space, invisible, or controls (Unicode White_Space, Cc, Cf,
 * Default_Ignorable_Code_Point), with the wide and the Braille blank. */
static const struct {
    uint32_t first, last;
} unseen[] = {
    { 0x0000, 0x0020 },   { 0x007F, 0x00A0 },   { 0x00AD, 0x00AD },   { 0x034F, 0x034F },
    { 0x061C, 0x061C },   { 0x115F, 0x1160 },   { 0x1680, 0x1680 },   { 0x17B4, 0x17B5 },
    { 0x180B, 0x180F },   { 0x2000, 0x200F },   { 0x2028, 0x202F },   { 0x205F, 0x206F },
    { 0x2800, 0x2800 },   { 0x3000, 0x3000 },   { 0x3164, 0x3164 },   { 0xD800, 0xDFFF },
    { 0xFE00, 0xFE0F },   { 0xFEFF, 0xFEFF },   { 0xFFA0, 0xFFA0 },   { 0xFFF0, 0xFFFB },
    { 0x1BCA0, 0x1BCA3 }, { 0x1D173, 0x1D17A }, { 0xE0000, 0xE0FFF },
};

static bool is_unseen(uint32_t c)
{
    for (size_t i = 0; i < LP_COUNT(unseen); i++)
        if (c >= unseen[i].first && c <= unseen[i].last)
            return true;
    return false;
}

/* The character at *text, which is valid UTF-8; moves on behind it. */
static uint32_t next_character(const char **text)
{
    const unsigned char *p = (const unsigned char *)*text;
    unsigned more = *p >= 0xF0 ? 3 : *p >= 0xE0 ? 2 : *p >= 0xC0 ? 1 : 0;
    uint32_t c = more == 3 ? *p & 7U : more == 2 ? *p & 15U : more == 1 ? *p & 31U : *p;
    for (p++; more > 0 && (*p & 0xC0) == 0x80; more--)
        c = c << 6 | (*p++ & 63U);
    *text = (const char *)p;
    return c;
}

bool validate_has_unseen(const char *text)
{
    while (*text)
        if (is_unseen(next_character(&text)))
            return true;
    return false;
}

bool validate_is_email(const char *text)
{
    const char *at = strchr(text, '@');
    if (!at || at == text || at - text > 64 || strlen(text) > VALIDATE_EMAIL_MAX)
        return false;
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (strchr("\"(),:;<>[\\]", c))
            return false;
    }
    return !validate_has_unseen(text) && !strchr(at + 1, '@') && is_domain(at + 1);
}

bool validate_is_uuid(const char *text)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    for (size_t i = 0; i < sizeof shape; i++) {
        bool fits = shape[i] == 'x' ? isxdigit((unsigned char)text[i]) != 0 : text[i] == shape[i];
        if (!fits)
            return false;
    }
    return true;
}

bool validate_is_given(const json_t *value)
{
    return value && !json_is_null(value) && !(json_is_string(value) && !json_string_length(value));
}

void validate_email(const json_t *value, struct validate_account *a, json_t **details)
{
    const char *text = json_string_value(value);
    if (!validate_is_given(value)) {
        validate_complain(details, "Email is required");
    } else if (!text || !validate_is_email(text)) {
        validate_complain(details, "Email must be valid");
    } else {
        size_t n = strlen(text);
        for (size_t i = 0; i <= n; i++)
            a->email[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
    }
}

/* "Password must be …": the messages that differ only in the field and its limit. */
static void complain_length(json_t **details, const char *field, const char *what, int limit)
{
    char message[96];
    snprintf(message, sizeof message, "%s must be %s %d characters", field, what, limit);
    validate_complain(details, message);
}

static void check_password(const json_t *value, int min, struct validate_account *a,
                           json_t **details)
{
    const char *text = json_string_value(value);
    size_t units = text ? utf16_length(text, strlen(text)) : 0;
    if (!validate_is_given(value))
        validate_complain(details, "Password is required");
    else if (!text)
        validate_complain(details, "Password must be a string");
    else if (units < (size_t)min)
        complain_length(details, "Password", "at least", min);
    else if (units > VALIDATE_PASSWORD_MAX)
        complain_length(details, "Password", "no more than", VALIDATE_PASSWORD_MAX);
    else
        a->password = text;
}

/* What String.prototype.trim() of JavaScript takes away (ECMA-262, WhiteSpace, LineTerminator), and
 * the zero width space. */
static bool is_blank(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200B) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000 || c == 0xFEFF;
}

/* The part of `text` without blanks around it, *ret_len bytes. */
static const char *trim(const char *text, size_t *ret_len)
{
    const char *begin = NULL, *end = text, *at = text;
    while (*at) {
        const char *here = at;
        if (is_blank(next_character(&at)))
            continue;
        begin = begin ? begin : here;
        end = at;
    }
    *ret_len = begin ? (size_t)(end - begin) : 0;
    return begin ? begin : text;
}

void validate_name(const json_t *value, struct validate_account *a, json_t **details)
{
    const char *text = json_string_value(value);
    if (!validate_is_given(value)) {
        validate_complain(details, "Name is required");
        return;
    }
    if (!text) {
        validate_complain(details, "Name must be a string");
        return;
    }
    size_t n;
    text = trim(text, &n);
    size_t units = utf16_length(text, n);
    if (units < VALIDATE_NAME_MIN) {
        complain_length(details, "Name", "at least", VALIDATE_NAME_MIN);
    } else if (units > VALIDATE_NAME_MAX) {
        complain_length(details, "Name", "no more than", VALIDATE_NAME_MAX);
    } else {
        memcpy(a->name, text, n); /* a unit is at most 3 bytes of UTF-8 */
        a->name[n] = '\0';
    }
}

json_t *validate_register(const json_t *body, struct validate_account *ret_account)
{
    json_t *details = NULL;
    validate_email(json_object_get(body, "email"), ret_account, &details);
    check_password(json_object_get(body, "password"), VALIDATE_PASSWORD_MIN, ret_account, &details);
    validate_name(json_object_get(body, "name"), ret_account, &details);
    return details;
}

json_t *validate_login(const json_t *body, struct validate_account *ret_account)
{
    json_t *details = NULL;
    validate_email(json_object_get(body, "email"), ret_account, &details);
    check_password(json_object_get(body, "password"), 1, ret_account, &details);
    return details;
}
