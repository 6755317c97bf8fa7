/*
 * operator/cache/cache.c -- one store per kind with its watches, one per namespace of the scope,
 * and what we have written and no watch has delivered yet. Threads: the watches' own call
 * platform_event and child_event; one lock a kind, under which only the store is called.
 */
#include "operator/cache/cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "kube/store.h"
#include "kube/version.h"
#include "kube/watch.h"
#include "operator/cache/owned.h"

#define SELECTOR LABEL_MANAGED_BY "=" MANAGER
/* A stream that is silent for 120 s is made anew (kube/watch.c); 60 s are for that. */
#define SILENT_MS 180000
#define ASK_AGAIN_MS 9000 /* for a kind that cannot be listed */

struct kind_cache {
    struct informer_cache *cache;
    const struct lp_kube_kind *kind;
    struct lp_kube_store *store;
    struct lp_kube_store *lifted; /* of HPAs: the keys of those with ANNOTATION_FLOOR; else NULL */
    struct lp_kube_watch *watches[SCOPE_NAMESPACES];
    atomic_uint n_watches;
    char thread_name[16];
    pthread_mutex_t lock;              /* guards the rest, and orders what is put into the store */
    char passed[SCOPE_NAMESPACES][64]; /* the newest version that each watch has delivered */
    /* Of a kind that the cluster may not have: what was heard when it was asked for last. */
    bool served;
    int64_t asked_ms; /* 0: never */
    struct lp_error unserved;
    atomic_flag starting; /* set by whoever starts, or has started, its watches */
};

struct informer_cache {
    struct cache_handler sink;
    const struct scope *scope;
    struct lp_kube_packer *packer;
    atomic_uint unsynced; /* watches that have not seen their first whole list */
    struct lp_kube_config *config;
    struct lp_stop *stop;
    struct kind_cache platforms, children[N_CHILD_KINDS];
};

static const char *version_of(const json_t *object)
{
    return lp_json_str(object, "metadata", "resourceVersion", NULL);
}

/* Of the watch that tells of this namespace. */
static char *passed_locked(struct kind_cache *k, const json_t *object)
{
    const char *ns = lp_json_str(object, "metadata", "namespace", NULL);

    for (unsigned i = 1; ns && i < scope_watches(k->cache->scope); i++)
        if (strcmp(scope_namespace(k->cache->scope, i), ns) == 0)
            return k->passed[i];
    return k->passed[0];
}

/* A watch delivers versions in their order, so it has delivered all up to this one. */
static bool has_passed_locked(struct kind_cache *k, const json_t *object)
{
    const char *version = version_of(object);
    return !version || lp_kube_version_reached(passed_locked(k, object), version);
}

/* `kept` NULL: it is gone. */
static void note_lifted_locked(struct kind_cache *k, const json_t *object, const json_t *kept)
{
    if (!k->lifted)
        return;
    if (lp_json_str(kept, "metadata", "annotations", ANNOTATION_FLOOR, NULL))
        lp_kube_store_put_key(k->lifted, object);
    else
        lp_kube_store_remove(k->lifted, object);
}

static void put_locked(struct kind_cache *k, const json_t *object, const json_t *kept)
{
    lp_kube_store_put(k->store, kept);
    note_lifted_locked(k, object, kept);
}

/* What a watch delivered; our own answer, or what we wrote after it, may be there already. */
static void take_event(struct kind_cache *k, bool deleted, const json_t *object, const json_t *kept)
{
    lp_auto_free char *key = lp_kube_key_of(object);
    const char *version = version_of(object);

    pthread_mutex_lock(&k->lock);
    bool advances = !has_passed_locked(k, object);
    if (advances)
        snprintf(passed_locked(k, object), sizeof k->passed[0], "%s", version);
    if (deleted) {
        lp_kube_store_remove(k->store, object);
        note_lifted_locked(k, object, NULL);
    } else if (!advances || !lp_kube_store_reached(k->store, key, version)) {
        put_locked(k, object, kept); /* versions that fall: etcd was restored, believe it */
    }
    pthread_mutex_unlock(&k->lock);
}

static void take_answer(struct kind_cache *k, const json_t *kept)
{
    pthread_mutex_lock(&k->lock);
    if (!has_passed_locked(k, kept))
        put_locked(k, kept, kept);
    pthread_mutex_unlock(&k->lock);
}

static void child_event(enum lp_kube_event event, json_t *object, void *user)
{
    struct kind_cache *k = user;
    lp_auto_free char *owner = owned_controller(object);

    /* A child whose owner reference was taken away still belongs to the platform that its label
     * names. */
    if (!owner) {
        const char *part_of = lp_json_str(object, "metadata", "labels", LABEL_PART_OF, NULL);
        const char *ns = lp_json_str(object, "metadata", "namespace", NULL);
        if (part_of && ns)
            owner = lp_kube_key(ns, part_of);
    }
    /* What others own of a child is nothing to us, and would take most of the room. */
    json_auto_t *ours = event == LP_KUBE_DELETED ? NULL : owned_project(object, MANAGER);
    take_event(k, event == LP_KUBE_DELETED, object, ours);
    if (owner)
        k->cache->sink.child_changed(owner, event == LP_KUBE_DELETED, k->cache->sink.user);
}

/* Status writes, our own above all, are no reason to reconcile. */
static bool differs(const json_t *before, const json_t *now)
{
    static const char *const parts[] = { "generation", "labels", "annotations", "deletionTimestamp",
                                         "uid" };

    if (!before)
        return true;
    for (size_t i = 0; i < LP_COUNT(parts); i++) {
        json_t *a = lp_json_at(before, "metadata", parts[i], NULL);
        json_t *b = lp_json_at(now, "metadata", parts[i], NULL);
        if ((a || b) && !json_equal(a, b))
            return true;
    }
    return false;
}

static void platform_event(enum lp_kube_event event, json_t *object, void *user)
{
    struct kind_cache *k = user;
    const char *ns = lp_json_str(object, "metadata", "namespace", NULL);
    const char *name = lp_json_str(object, "metadata", "name", NULL);
    lp_auto_free char *key = lp_kube_key_of(object);
    json_auto_t *before = ns && name ? lp_kube_store_get(k->store, ns, name) : NULL;
    /* What another operator carries out is not there for us. */
    bool gone = event == LP_KUBE_DELETED || !scope_has_class_of(k->cache->scope, object);

    take_event(k, gone, object, object);
    if (gone ? before != NULL : differs(before, object))
        k->cache->sink.platform_changed(key, k->cache->sink.user);
}

static void watch_synced(void *user)
{
    struct kind_cache *k = user;
    if (atomic_fetch_sub(&k->cache->unsynced, 1) == 1)
        k->cache->sink.synced(k->cache, k->cache->sink.user);
}

static bool is_optional(const struct kind_cache *k)
{
    if (k == &k->cache->platforms)
        return false;
    return child_kind_is_optional(k - k->cache->children);
}

static int start_watches(struct kind_cache *k, struct lp_kube_config *config, struct lp_stop *stop,
                         const struct scope *scope, const char *selector,
                         const struct lp_kube_watch_sink *sink, struct lp_error *err)
{
    struct lp_kube_watch_options options = {
        .kind = k->kind,
        .label_selector = selector,
        .name = k->thread_name,
        .known = k->store,
        .sink = *sink,
    };
    options.sink.synced = is_optional(k) ? NULL : watch_synced;
    options.sink.user = k;
    snprintf(k->thread_name, sizeof k->thread_name, "w-%.13s", k->kind->plural);
    for (unsigned i = k->n_watches; i < scope_watches(scope); i++) {
        options.ns = scope_namespace(scope, i);
        int r = lp_kube_watch_start(config, stop, &options, &k->watches[i], err);
        if (r < 0)
            return r;
        k->n_watches++;
    }
    return 0;
}

static void init_kind(struct informer_cache *c, struct kind_cache *k,
                      const struct lp_kube_kind *kind)
{
    k->cache = c;
    k->kind = kind;
    k->store = lp_kube_store_new(c->packer);
    atomic_flag_clear(&k->starting);
    pthread_mutex_init(&k->lock, NULL);
}

/* That must have been seen before the cache is whole: those of platforms, and of what every cluster
 * has. */
static unsigned needed_watches(const struct scope *scope)
{
    unsigned kinds = 1;

    for (unsigned i = 0; i < N_CHILD_KINDS; i++)
        kinds += !child_kind_is_optional(i);
    return kinds * scope_watches(scope);
}

int cache_start(struct lp_kube_config *config, struct lp_stop *stop, const struct scope *scope,
                const struct cache_handler *sink, struct informer_cache **ret_cache,
                struct lp_error *err)
{
    static const struct lp_kube_watch_sink platforms = { .event = platform_event };
    static const struct lp_kube_watch_sink children = { .event = child_event };
    struct informer_cache *c = lp_alloc(sizeof *c);

    c->sink = *sink;
    c->scope = scope;
    c->packer = lp_kube_packer_new();
    c->config = config;
    c->stop = stop;
    atomic_init(&c->unsynced, needed_watches(scope));
    init_kind(c, &c->platforms, &lp_kube_platforms);
    for (unsigned i = 0; i < N_CHILD_KINDS; i++)
        init_kind(c, &c->children[i], child_kinds[i]);
    c->children[CHILD_HPA].lifted = lp_kube_store_new(NULL);
    int r = start_watches(&c->platforms, config, stop, scope, scope->selector, &platforms, err);
    for (unsigned i = 0; i < N_CHILD_KINDS && r == 0; i++)
        if (!is_optional(&c->children[i]))
            r = start_watches(&c->children[i], config, stop, scope, SELECTOR, &children, err);
    if (r < 0) {
        lp_stop_request(stop);
        cache_join(c);
        return r;
    }
    *ret_cache = c;
    return 0;
}

static void done_kind(struct kind_cache *k)
{
    for (unsigned i = 0; i < k->n_watches; i++)
        lp_kube_watch_join(k->watches[i]);
    lp_kube_store_free(k->store);
    lp_kube_store_free(k->lifted);
    pthread_mutex_destroy(&k->lock);
}

void cache_join(struct informer_cache *c)
{
    if (!c)
        return;
    done_kind(&c->platforms);
    for (unsigned i = 0; i < N_CHILD_KINDS; i++)
        done_kind(&c->children[i]);
    lp_kube_packer_free(c->packer);
    free(c);
}

/* ---- a kind that the cluster may not have ---- */

/* In a watch's thread: its definition was taken away, or our right to list it. */
static void optional_failed(const struct lp_error *why, int64_t retry_ms, void *user)
{
    struct kind_cache *k = user;

    (void)retry_ms;
    if (why->code != LP_E_NOT_FOUND && why->code != LP_E_DENIED)
        return;
    pthread_mutex_lock(&k->lock);
    k->served = false;
    k->asked_ms = 0;
    pthread_mutex_unlock(&k->lock);
}

static int pass_over(json_t *object, void *user, struct lp_error *err)
{
    (void)object, (void)user, (void)err;
    return 0;
}

/* A list tells of the definition and of our rights. What it says, or that nothing answers, counts
 * for every platform for ASK_AGAIN_MS, so that one kind does not keep the workers. */
static int find_definition(struct kind_cache *k, struct lp_kube_client *client, const char *ns,
                           struct lp_error *err)
{
    static const struct lp_kube_list_options ours = { .label_selector = SELECTOR };
    char version[64];

    pthread_mutex_lock(&k->lock);
    bool served = k->served;
    bool known = served || (k->asked_ms != 0 && lp_clock_ms() < k->asked_ms + ASK_AGAIN_MS);
    if (known && !served)
        *err = k->unserved;
    pthread_mutex_unlock(&k->lock);
    if (known)
        return served ? 0 : err->code;
    int r = lp_kube_list(client, k->kind, ns, &ours, pass_over, NULL, version, err);
    if (r == LP_E_TIMEOUT) /* no answer; the list itself is not to come */
        r = err->code = LP_E_UNAVAILABLE;
    pthread_mutex_lock(&k->lock);
    k->served = r == 0;
    k->asked_ms = lp_clock_ms();
    if (r < 0)
        k->unserved = *err;
    pthread_mutex_unlock(&k->lock);
    return r;
}

static bool kind_synced(const struct kind_cache *k)
{
    bool synced = true;
    for (unsigned i = 0; i < k->n_watches && synced; i++)
        synced = lp_kube_watch_synced(k->watches[i]);
    return synced;
}

int cache_watch_optional(struct informer_cache *c, enum child_kind kind,
                         struct lp_kube_client *client, const char *ns, struct lp_error *err)
{
    static const struct lp_kube_watch_sink sink = { .event = child_event,
                                                    .failed = optional_failed };
    struct kind_cache *k = &c->children[kind];
    int r = find_definition(k, client, ns, err);

    if (r < 0)
        return r;
    if (!atomic_flag_test_and_set(&k->starting)) {
        r = start_watches(k, c->config, c->stop, c->scope, SELECTOR, &sink, err);
        if (r < 0) {
            atomic_flag_clear(&k->starting);
            return r;
        }
    }
    if (k->n_watches < scope_watches(c->scope) || !kind_synced(k))
        return lp_error_set(err, LP_E_TIMEOUT, "the list of %s is not there yet", k->kind->plural);
    return 0;
}

bool cache_has_platform(struct informer_cache *c, const char *key)
{
    return lp_kube_store_has(c->platforms.store, key);
}

json_t *cache_platform(struct informer_cache *c, const char *ns, const char *name)
{
    return lp_kube_store_get(c->platforms.store, ns, name);
}

json_t *cache_child(struct informer_cache *c, enum child_kind kind, const char *ns,
                    const char *name)
{
    return lp_kube_store_get(c->children[kind].store, ns, name);
}

bool cache_has_child(struct informer_cache *c, enum child_kind kind, const char *ns,
                     const char *name)
{
    lp_auto_free char *key = lp_kube_key(ns, name);
    return lp_kube_store_has(c->children[kind].store, key);
}

bool cache_child_is(struct informer_cache *c, enum child_kind kind, const char *key,
                    const char *version)
{
    return lp_kube_store_holds(c->children[kind].store, key, version);
}

void cache_wrote(struct informer_cache *c, enum child_kind kind, const json_t *ours)
{
    take_answer(&c->children[kind], ours);
}

bool cache_wrote_platform(struct informer_cache *c, const json_t *answer)
{
    struct kind_cache *k = &c->platforms;
    const char *ns = lp_json_str(answer, "metadata", "namespace", NULL);
    const char *name = lp_json_str(answer, "metadata", "name", NULL);
    json_auto_t *before = ns && name ? lp_kube_store_get(k->store, ns, name) : NULL;
    lp_auto_free char *key = lp_kube_key_of(answer);

    if (!before || !version_of(answer) || !scope_has_class_of(c->scope, answer))
        return false;
    take_answer(k, answer);
    if (differs(before, answer)) /* somebody else's change that the watch tells no more */
        c->sink.platform_changed(key, c->sink.user);
    return true;
}

void cache_lifted_keys(struct informer_cache *c, void (*each)(const char *key, void *user),
                       void *user)
{
    lp_kube_store_keys(c->children[CHILD_HPA].lifted, each, user);
}

void cache_child_keys(struct informer_cache *c, enum child_kind kind,
                      void (*each)(const char *key, void *user), void *user)
{
    lp_kube_store_keys(c->children[kind].store, each, user);
}

void cache_platform_keys(struct informer_cache *c, void (*each)(const char *key, void *user),
                         void *user)
{
    lp_kube_store_keys(c->platforms.store, each, user);
}

static bool kind_healthy(const struct kind_cache *k, const struct scope *scope, char why[128])
{
    for (unsigned i = 0; i < k->n_watches; i++) {
        const char *ns = scope_namespace(scope, i);
        int64_t silent = lp_kube_watch_silence_ms(k->watches[i]);
        if (!lp_kube_watch_synced(k->watches[i])) {
            snprintf(why, 128, "the list of %s%s%.40s is not there yet", k->kind->plural,
                     ns ? " in " : "", ns ? ns : "");
            return false;
        }
        if (silent > SILENT_MS) {
            snprintf(why, 128, "the watch of %s%s%.40s has heard nothing for %lld s",
                     k->kind->plural, ns ? " in " : "", ns ? ns : "", (long long)(silent / 1000));
            return false;
        }
    }
    return true;
}

/* Of a kind that the cluster does not have, or nobody asked for before, nothing is to be heard. */
static bool is_wanted(struct kind_cache *k)
{
    pthread_mutex_lock(&k->lock);
    bool wanted = !is_optional(k) || (k->served && kind_synced(k));
    pthread_mutex_unlock(&k->lock);
    return wanted;
}

bool cache_healthy(struct informer_cache *c, char why[128])
{
    bool good = kind_healthy(&c->platforms, c->scope, why);
    for (unsigned i = 0; i < N_CHILD_KINDS && good; i++)
        good = !is_wanted(&c->children[i]) || kind_healthy(&c->children[i], c->scope, why);
    return good;
}

bool cache_synced(struct informer_cache *c)
{
    return atomic_load(&c->unsynced) == 0;
}

static json_t *stats_of(const struct kind_cache *k)
{
    int64_t silent = 0;
    for (unsigned i = 0; i < k->n_watches; i++) {
        int64_t one = lp_kube_watch_silence_ms(k->watches[i]);
        silent = one > silent ? one : silent;
    }
    return lp_json_make(
        "{s:s, s:I, s:b, s:o}", "kind", k->kind->kind, "objects",
        (json_int_t)lp_kube_store_count(k->store), "synced", kind_synced(k), "silentSeconds",
        silent == INT64_MAX ? json_null() : json_integer((json_int_t)(silent / 1000)));
}

json_t *cache_stats(struct informer_cache *c)
{
    json_t *kinds = json_array();

    json_array_append_new(kinds, stats_of(&c->platforms));
    for (unsigned i = 0; i < N_CHILD_KINDS; i++)
        json_array_append_new(kinds, stats_of(&c->children[i]));
    return kinds;
}
