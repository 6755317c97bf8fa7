/* operator/cache/cache.h -- what the API server has, as the watches tell it: platforms and their
 * children. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "kube/config.h"
#include "platform/scope.h"
#include "platform/plan.h"

/*
 * One store per kind, and a watch thread per kind and namespace of the scope; children are selected
 * by label on the server. Opaque: hides a lock; any thread.
 */
struct informer_cache;

/* Called in watch threads; keys "namespace/name" are borrowed. */
struct cache_handler {
    void (*platform_changed)(const char *key, void *user); /* spec, labels, annotations, deletion */
    void (*child_changed)(const char *owner_key, bool deleted, void *user);
    /* Every watch has seen its first whole list; comes once, maybe before cache_start returns. */
    void (*synced)(struct informer_cache *c, void *user);
    void *user;
};

/* `scope` must outlive the cache. */
LP_MUST_USE int cache_start(struct lp_kube_config *config, struct lp_stop *stop,
                            const struct scope *scope, const struct cache_handler *sink,
                            struct informer_cache **ret_cache, struct lp_error *err);
/* After the stop was requested. NULL is fine. */
void cache_join(struct informer_cache *c);

/*
 * Of a kind that is optional (child_kind_is_optional), whose definition a cluster may lack: it is
 * watched from the first call on that finds the definition; before, the cache has none of that
 * kind. Any thread; asks the API server while it is not watched, at most every 9 s. 0: watched, and
 * its first list was seen. LP_E_NOT_FOUND: the cluster does not have the kind (any more);
 * LP_E_DENIED: we may not list it; LP_E_TIMEOUT: the list is still to come; others: the API server
 * did not answer. `ns`: a namespace of the scope.
 */
LP_MUST_USE int cache_watch_optional(struct informer_cache *c, enum child_kind kind,
                                     struct lp_kube_client *client, const char *ns,
                                     struct lp_error *err);

bool cache_has_platform(struct informer_cache *c, const char *key);
/* Owned by the caller; NULL where absent. */
json_t *cache_platform(struct informer_cache *c, const char *ns, const char *name);

/* What we own of a child (owned.h), and its status; the caller's; NULL where there is none. */
json_t *cache_child(struct informer_cache *c, enum child_kind kind, const char *ns,
                    const char *name);
/* Only whether there is one. */
bool cache_has_child(struct informer_cache *c, enum child_kind kind, const char *ns,
                     const char *name);

/* Whether the child with this key ("namespace/name") is there in this resourceVersion. */
bool cache_child_is(struct informer_cache *c, enum child_kind kind, const char *key,
                    const char *version);

/*
 * Call with what is ours of the answer to each write of a child (owned.h), or with the whole answer
 * to a write of a platform's status: it takes the object's place, so that the next reconcile reads
 * what we wrote, unless a watch has already delivered this version or a later one. False: there is
 * no such platform.
 */
void cache_wrote(struct informer_cache *c, enum child_kind kind, const json_t *ours);
bool cache_wrote_platform(struct informer_cache *c, const json_t *answer);

/* Every key of children of a kind, and of platforms. */
void cache_child_keys(struct informer_cache *c, enum child_kind kind,
                      void (*each)(const char *key, void *user), void *user);
/* Every key of HPAs that have ANNOTATION_FLOOR. */
void cache_lifted_keys(struct informer_cache *c, void (*each)(const char *key, void *user),
                       void *user);
void cache_platform_keys(struct informer_cache *c, void (*each)(const char *key, void *user),
                         void *user);

/* True where every watch has seen its first whole list and heard from the API server lately; else
 * `why` names one. */
bool cache_healthy(struct informer_cache *c, char why[128]);
bool cache_synced(struct informer_cache *c);

/* [{"kind","objects","synced","silentSeconds"}], the last null before the first answer; the
 * caller's. */
json_t *cache_stats(struct informer_cache *c);
