/* services/auth/http/validate.h -- what a client may send: checks and messages, word for word. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define VALIDATE_EMAIL_MAX 254  /* bytes, RFC 5321 4.5.3.1.3 */
#define VALIDATE_PASSWORD_MIN 6 /* characters here are UTF-16 units, as the clients count them */
#define VALIDATE_PASSWORD_MAX 1024
#define VALIDATE_NAME_MIN 2
#define VALIDATE_NAME_MAX 100

/* `password` is borrowed from the body; `email` is in lower case; `name` is without outer white
 * space. */
struct validate_account {
    char email[VALIDATE_EMAIL_MAX + 1];
    char name[3 * VALIDATE_NAME_MAX + 1];
    const char *password;
};

/*
 * Each gives NULL where `body` (an object) is valid and fills `ret_account` (_login: without name);
 * else an array of messages in the order email, password, name, one per field, owned by the caller.
 */
json_t *validate_register(const json_t *body, struct validate_account *ret_account);
json_t *validate_login(const json_t *body, struct validate_account *ret_account);

/* The parts of the above, for other bodies; each adds its message to *details, which may be NULL.
 */
void validate_email(const json_t *value, struct validate_account *a, json_t **details);
void validate_name(const json_t *value, struct validate_account *a, json_t **details);
void validate_complain(json_t **details, const char *message);

/* Characters as the clients count them; `text` is valid UTF-8. */
size_t validate_length(const char *text);

/* Absent, null and the empty string are all "not given". */
bool validate_is_given(const json_t *value);

/* True where `text` has white space, control or invisible characters of Unicode. */
bool validate_has_unseen(const char *text);

/* One @, a local part of 1..64 bytes, a domain of at least two labels; no white space, control or
 * invisible character of Unicode, which nobody would type again at the login. */
bool validate_is_email(const char *text);

/* 8-4-4-4-12 hexadecimal digits. */
bool validate_is_uuid(const char *text);
