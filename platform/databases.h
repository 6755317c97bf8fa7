/* platform/databases.h -- what is there of a platform's embedded databases, which its plan depends
 * on: read by the operator from its cache, and by kubectl lp from the API server. */
#pragma once

#include "platform/plan.h"

/* The objects that a platform's database states borrow from. Start from {0}. */
struct databases_seen {
    json_t *claims[N_DATABASES], *stateful_sets[N_DATABASES], *users[N_DATABASES], *gateway;
    bool held; /* one is leaving only because its claim is its StatefulSet's still */
};
void databases_seen_done(struct databases_seen *seen);
#define databases_auto __attribute__((cleanup(databases_seen_done)))

/* Where they are looked up; `look` gives the caller's own reference, or NULL where there is none.
 */
struct databases_source {
    json_t *(*look)(void *user, enum child_kind kind, const char *name);
    /* Whether a StatefulSet is among the owners of the claim; true too where nobody can tell. */
    bool (*owned)(void *user, const char *claim);
    void *user;
};

/*
 * Fills platform->databases and platform->keys (platform/pins.h); the rest of `platform` is there
 * already. An embedded database that the spec has no more is `leaving` until every pod of its
 * service is Ready with the external one, and its claim is not its StatefulSet's.
 */
void databases_read(const struct databases_source *source, struct platform *platform,
                    struct databases_seen *ret);

/* Whether a StatefulSet is among the owners of an object. */
bool databases_owned_by_stateful_set(const json_t *claim);
