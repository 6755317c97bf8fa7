/* platform/redact.h -- what nobody should read in a plan, a diff or a report. Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#define REDACTED "(redacted)"

/* True for names of variables that hold credentials: PASSWORD, SECRET, TOKEN, KEY, CREDENTIAL and
 * the like as one of their words, whatever the case. */
bool redact_is_credential_name(const char *name);

/* True for texts that carry one: a URI with a password, a Bearer or JSON web token, a PEM key. */
bool redact_is_credential_text(const char *text);

/*
 * Takes out of `object`, anywhere: values of environment variables (items of "env" lists) and of
 * "data", "stringData" and annotations whose name or text is a credential's, and the annotation
 * kubectl.kubernetes.io/last-applied-configuration, which holds all of it again.
 */
void redact_object(json_t *object);

/* Puts REDACTED in the place of each word of `line` that is a credential, and of what follows
 * "Bearer". A copy of the caller's. */
char *redact_line(const char *line);
