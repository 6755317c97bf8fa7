/* cli/load/template.h -- a text with ${names} in it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

#define TEMPLATE_VARIABLES 32

/* The names that texts may have, each with its number. Strings are borrowed. */
struct template_names {
    const char *names[TEMPLATE_VARIABLES];
    int n;
};

/* The number of a name; -1 where it is none. */
int template_find(const struct template_names *names, const char *name, size_t len);

enum template_form {
    TEMPLATE_PATH, /* values are percent-encoded as a segment of a path is */
    TEMPLATE_JSON, /* values stand in strings of JSON */
};

struct template;

/*
 * Compiles `text`, of which ${name} stands for a value. `path` is put before the message.
 * LP_E_INVALID: a name that is none of `names`, or no "}" behind "${".
 */
LP_MUST_USE int template_new(const char *text, const struct template_names *names, const char *path,
                             struct template **ret, struct lp_error *err);
void template_free(struct template *t);

/* Whether the variable of this number stands in it. */
bool template_uses(const struct template *t, int variable);

/* Appends the text with `values` (by number; NULL: nothing) in it. */
void template_write(const struct template *t, enum template_form form, const char *const *values,
                    struct lp_buf *out);
