/* lib/kube/store.h -- the objects of one kind, as the last watch event delivered them. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "kube/pack.h"

/*
 * Key: "namespace/name" ("name" where cluster-scoped). Objects are kept as compact JSON without
 * managedFields, so a get makes a copy of the caller's own. Opaque: hides a lock; any thread.
 */
struct lp_kube_store;

/* `packer` (borrowed) is for stores of many objects that are alike; NULL: texts are kept as they
 * are. */
struct lp_kube_store *lp_kube_store_new(struct lp_kube_packer *packer);
void lp_kube_store_free(struct lp_kube_store *s);

/* Keeps a projection of `object` (borrowed). */
void lp_kube_store_put(struct lp_kube_store *s, const json_t *object);
/* Keeps that there is such an object, and nothing of it: lp_kube_store_get has none. */
void lp_kube_store_put_key(struct lp_kube_store *s, const json_t *object);
/* Keeps what the event of its deletion is made of where the object itself is gone. */
void lp_kube_store_put_outline(struct lp_kube_store *s, const json_t *object);
void lp_kube_store_remove(struct lp_kube_store *s, const json_t *object);
/* NULL where absent; owned by the caller. */
json_t *lp_kube_store_get(struct lp_kube_store *s, const char *ns, const char *name);
bool lp_kube_store_has(struct lp_kube_store *s, const char *key);
/* True where the object is there with this resourceVersion, or with this one or a newer one. */
bool lp_kube_store_holds(struct lp_kube_store *s, const char *key, const char *version);
bool lp_kube_store_reached(struct lp_kube_store *s, const char *key, const char *version);
size_t lp_kube_store_count(struct lp_kube_store *s);
/* Calls `each` with every key (borrowed during the call; no call back into the store). */
void lp_kube_store_keys(struct lp_kube_store *s, void (*each)(const char *key, void *user),
                        void *user);

/* "namespace/name" into a new string of the caller's. */
char *lp_kube_key(const char *ns, const char *name);
char *lp_kube_key_of(const json_t *object);
