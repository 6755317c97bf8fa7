/* autoscaler/auth/user.h -- who asks: what Kubernetes calls user info. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"

/* Counted references, any thread. Does not change once it is shared. */
struct user {
    unsigned refs;
    char *name, *uid; /* uid may be NULL */
    json_t *groups;   /* array of strings */
    json_t *extra;    /* object: name to array of strings */
};

struct user *user_new(const char *name);
void user_ref(void *user);
void user_unref(void *user); /* NULL is fine */
static inline void user_unref_indirect(struct user **u)
{
    user_unref(*u);
}
#define auto_user __attribute__((cleanup(user_unref_indirect)))

void user_add_group(struct user *u, const char *group);
void user_add_extra(struct user *u, const char *name, const char *value);
bool user_in_group(const struct user *u, const char *group);

/* Adds system:authenticated, unless it is there or the user is known as unauthenticated: an
 * aggregator that names a user without groups relies on it. */
void user_authenticated(struct user *u);

/* All of it, unambiguously, for a digest. */
void user_write(const struct user *u, struct lp_buf *out);
