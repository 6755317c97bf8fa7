/*
 * operator/cache.c -- one store per kind with its watches, one per namespace of the scope, and what
 * we have written but not yet been told of. Threads: the watches' own call platform_event and
 * child_event; one lock a kind, under which only the store is called.
 */
#include "operator/cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "kube/store.h"
#include "kube/version.h"
#include "kube/watch.h"
#include "operator/owned.h"

#define SELECTOR LABEL_MANAGED_BY "=" MANAGER
#define EXPECT_MS 5000
/* A stream that is silent for 120 s is made anew (kube/watch.c); 60 s are for that. */
#define SILENT_MS 180000

struct expected {
    char *key, *version;
    int64_t until_ms;
};

/* A write of ours that has not been answered. */
struct writing {
    char *key;
    char held[64]; /* the version that a watch told of meanwhile; "": none */
};

struct kind_cache {
    struct cache *cache;
    const struct lp_kube_kind *kind;
    struct lp_kube_store *store;
    struct lp_kube_watch *watches[SCOPE_NAMESPACES];
    unsigned n_watches;
    char thread_name[16];
    pthread_mutex_t lock; /* guards the rest, and orders what is put into the store */
    char passed[64];      /* the newest version that a watch has told of */
    struct expected *expected;
    size_t n_expected, cap_expected;
    struct writing *writing;
    size_t n_writing, cap_writing;
};

struct cache {
    struct cache_sink sink;
    const struct scope *scope;
    struct lp_kube_packer *packer;
    atomic_uint strangers;
    atomic_uint unsynced; /* watches that have not seen their first whole list */
    struct kind_cache platforms, children[N_CHILD_KINDS];
};

static const char *version_of(const json_t *object)
{
    return lp_json_str(object, "metadata", "resourceVersion", NULL);
}

static void drop_expected_locked(struct kind_cache *k, size_t i)
{
    free(k->expected[i].key);
    free(k->expected[i].version);
    k->expected[i] = k->expected[--k->n_expected];
}

static void seen_locked(struct kind_cache *k, const char *key, const char *version, bool deleted)
{
    for (size_t i = k->n_expected; i-- > 0;) {
        struct expected *e = &k->expected[i];
        if (strcmp(e->key, key) == 0 && (deleted || lp_kube_version_reached(version, e->version)))
            drop_expected_locked(k, i);
    }
}

static void expect_locked(struct kind_cache *k, const char *key, const char *version)
{
    if (k->n_expected == k->cap_expected) {
        k->cap_expected = k->cap_expected ? 2 * k->cap_expected : 16;
        k->expected = lp_realloc(k->expected, k->cap_expected * sizeof *k->expected);
    }
    k->expected[k->n_expected++] =
        (struct expected){ lp_strdup(key), lp_strdup(version), lp_clock_ms() + EXPECT_MS };
}

static struct writing *writing_locked(struct kind_cache *k, const char *key)
{
    for (size_t i = 0; i < k->n_writing; i++)
        if (strcmp(k->writing[i].key, key) == 0)
            return &k->writing[i];
    return NULL;
}

static void end_writing(struct kind_cache *k, const char *key, char ret_held[64])
{
    pthread_mutex_lock(&k->lock);
    struct writing *w = writing_locked(k, key);
    snprintf(ret_held, sizeof w->held, "%s", w ? w->held : "");
    if (w) {
        free(w->key);
        *w = k->writing[--k->n_writing];
    }
    pthread_mutex_unlock(&k->lock);
}

/* True where it is for the answer to say whether that is more than our own write. */
static bool hold_locked(struct kind_cache *k, const char *key, const char *version)
{
    struct writing *w = version ? writing_locked(k, key) : NULL;

    if (w)
        snprintf(w->held, sizeof w->held, "%s", version);
    return w != NULL;
}

/* What a watch told; our own answer may lie there already. True where it may be no news: it came
 * before the answer to a write of ours. */
static bool take_event(struct kind_cache *k, enum lp_kube_event event, const json_t *object,
                       const json_t *kept)
{
    lp_auto_free char *key = lp_kube_key_of(object);
    const char *version = version_of(object);
    bool deleted = event == LP_KUBE_DELETED;

    pthread_mutex_lock(&k->lock);
    bool advances = version && !lp_kube_version_reached(k->passed, version);
    if (advances)
        snprintf(k->passed, sizeof k->passed, "%s", version);
    if (deleted)
        lp_kube_store_remove(k->store, object);
    else if (!advances || !lp_kube_store_reached(k->store, key, version))
        lp_kube_store_put(k->store, kept); /* versions that fall: etcd was restored, believe it */
    seen_locked(k, key, version, deleted);
    bool held = !deleted && hold_locked(k, key, version);
    pthread_mutex_unlock(&k->lock);
    return held;
}

/*
 * The answer to a write of ours is put there at once, and its echo by the watch is no event any
 * more. Not so where a watch has already told of something later: the object may be gone again.
 * False: wait for the watch.
 */
static bool take_answer(struct kind_cache *k, const json_t *kept)
{
    lp_auto_free char *key = lp_kube_key_of(kept);
    const char *version = version_of(kept);

    if (!version)
        return false;
    pthread_mutex_lock(&k->lock);
    bool known = lp_kube_store_reached(k->store, key, version);
    if (!known && !lp_kube_version_reached(k->passed, version)) {
        lp_kube_store_put(k->store, kept);
        known = true;
    }
    if (!known)
        expect_locked(k, key, version);
    pthread_mutex_unlock(&k->lock);
    return known;
}

static bool is_behind(struct kind_cache *k, const char *key)
{
    bool behind = false;
    int64_t now = lp_clock_ms();

    pthread_mutex_lock(&k->lock);
    for (size_t i = k->n_expected; i-- > 0;) {
        if (k->expected[i].until_ms <= now)
            drop_expected_locked(k, i);
        else if (strcmp(k->expected[i].key, key) == 0)
            behind = true;
    }
    pthread_mutex_unlock(&k->lock);
    return behind;
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
    bool held = take_event(k, event, object, ours);
    if (event == LP_KUBE_ADDED && !held)
        atomic_fetch_add(&k->cache->strangers, 1);
    if (owner && !held)
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

    take_event(k, gone ? LP_KUBE_DELETED : event, object, object);
    if (gone ? before != NULL : differs(before, object))
        k->cache->sink.platform_changed(key, k->cache->sink.user);
}

static void watch_synced(void *user)
{
    struct kind_cache *k = user;
    if (atomic_fetch_sub(&k->cache->unsynced, 1) == 1)
        k->cache->sink.synced(k->cache, k->cache->sink.user);
}

static int start_watches(struct kind_cache *k, struct lp_kube_config *config, struct lp_stop *stop,
                         const struct scope *scope, const char *selector,
                         void (*event)(enum lp_kube_event, json_t *, void *), struct lp_error *err)
{
    struct lp_kube_watch_options options = {
        .kind = k->kind,
        .label_selector = selector,
        .name = k->thread_name,
        .known = k->store,
        .sink = { .event = event, .synced = watch_synced, .user = k },
    };
    snprintf(k->thread_name, sizeof k->thread_name, "w-%.13s", k->kind->plural);
    for (unsigned i = 0; i < scope_watches(scope); i++) {
        options.ns = scope_namespace(scope, i);
        int r = lp_kube_watch_start(config, stop, &options, &k->watches[i], err);
        if (r < 0)
            return r;
        k->n_watches++;
    }
    return 0;
}

static void init_kind(struct cache *c, struct kind_cache *k, const struct lp_kube_kind *kind)
{
    k->cache = c;
    k->kind = kind;
    k->store = lp_kube_store_new(c->packer);
    pthread_mutex_init(&k->lock, NULL);
}

int cache_start(struct lp_kube_config *config, struct lp_stop *stop, const struct scope *scope,
                const struct cache_sink *sink, struct cache **ret_cache, struct lp_error *err)
{
    struct cache *c = lp_alloc(sizeof *c);

    c->sink = *sink;
    c->scope = scope;
    c->packer = lp_kube_packer_new();
    atomic_init(&c->unsynced, scope_watches(scope) * (1 + N_CHILD_KINDS));
    init_kind(c, &c->platforms, &lp_kube_platforms);
    for (unsigned i = 0; i < N_CHILD_KINDS; i++)
        init_kind(c, &c->children[i], child_kinds[i]);
    int r = start_watches(&c->platforms, config, stop, scope, scope->selector, platform_event, err);
    for (unsigned i = 0; i < N_CHILD_KINDS && r == 0; i++)
        r = start_watches(&c->children[i], config, stop, scope, SELECTOR, child_event, err);
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
    while (k->n_expected > 0)
        drop_expected_locked(k, k->n_expected - 1);
    free(k->expected);
    while (k->n_writing > 0)
        free(k->writing[--k->n_writing].key);
    free(k->writing);
    pthread_mutex_destroy(&k->lock);
}

void cache_join(struct cache *c)
{
    if (!c)
        return;
    done_kind(&c->platforms);
    for (unsigned i = 0; i < N_CHILD_KINDS; i++)
        done_kind(&c->children[i]);
    lp_kube_packer_free(c->packer);
    free(c);
}

bool cache_has_platform(struct cache *c, const char *key)
{
    return lp_kube_store_has(c->platforms.store, key);
}

json_t *cache_platform(struct cache *c, const char *ns, const char *name)
{
    return lp_kube_store_get(c->platforms.store, ns, name);
}

json_t *cache_child(struct cache *c, enum child_kind kind, const char *ns, const char *name,
                    bool *ret_stale)
{
    struct kind_cache *k = &c->children[kind];
    lp_auto_free char *key = lp_kube_key(ns, name);

    *ret_stale = is_behind(k, key);
    return lp_kube_store_get(k->store, ns, name);
}

bool cache_has_child(struct cache *c, enum child_kind kind, const char *ns, const char *name,
                     bool *ret_stale)
{
    struct kind_cache *k = &c->children[kind];
    lp_auto_free char *key = lp_kube_key(ns, name);

    *ret_stale = is_behind(k, key);
    return lp_kube_store_has(k->store, key);
}

void cache_writing(struct cache *c, enum child_kind kind, const char *ns, const char *name)
{
    struct kind_cache *k = &c->children[kind];

    pthread_mutex_lock(&k->lock);
    if (k->n_writing == k->cap_writing) {
        k->cap_writing = k->cap_writing ? 2 * k->cap_writing : 8;
        k->writing = lp_realloc(k->writing, k->cap_writing * sizeof *k->writing);
    }
    k->writing[k->n_writing++] = (struct writing){ .key = lp_kube_key(ns, name) };
    pthread_mutex_unlock(&k->lock);
}

void cache_wrote(struct cache *c, enum child_kind kind, const char *ns, const char *name,
                 const json_t *ours)
{
    struct kind_cache *k = &c->children[kind];
    lp_auto_free char *key = lp_kube_key(ns, name), *owner = owned_controller(ours);
    char held[64];

    take_answer(k, ours);
    end_writing(k, key, held);
    if (*held && owner && !lp_kube_version_reached(version_of(ours), held))
        c->sink.child_changed(owner, false, c->sink.user);
}

void cache_not_written(struct cache *c, enum child_kind kind, const char *ns, const char *name,
                       const char *platform)
{
    struct kind_cache *k = &c->children[kind];
    lp_auto_free char *key = lp_kube_key(ns, name), *owner = lp_kube_key(ns, platform);
    char held[64];

    end_writing(k, key, held);
    if (*held)
        c->sink.child_changed(owner, false, c->sink.user);
}

bool cache_wrote_platform(struct cache *c, const json_t *answer)
{
    struct kind_cache *k = &c->platforms;
    const char *ns = lp_json_str(answer, "metadata", "namespace", NULL);
    const char *name = lp_json_str(answer, "metadata", "name", NULL);
    json_auto_t *before = ns && name ? lp_kube_store_get(k->store, ns, name) : NULL;

    if (!before || !scope_has_class_of(c->scope, answer) || !take_answer(k, answer))
        return false;
    if (differs(before, answer)) { /* somebody else's change that the watch will not tell of now */
        lp_auto_free char *key = lp_kube_key(ns, name);
        k->cache->sink.platform_changed(key, k->cache->sink.user);
    }
    return true;
}

unsigned cache_strangers(const struct cache *c)
{
    return atomic_load(&c->strangers);
}

void cache_child_keys(struct cache *c, enum child_kind kind,
                      void (*each)(const char *key, void *user), void *user)
{
    lp_kube_store_keys(c->children[kind].store, each, user);
}

void cache_platform_keys(struct cache *c, void (*each)(const char *key, void *user), void *user)
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

bool cache_healthy(struct cache *c, char why[128])
{
    bool good = kind_healthy(&c->platforms, c->scope, why);
    for (unsigned i = 0; i < N_CHILD_KINDS && good; i++)
        good = kind_healthy(&c->children[i], c->scope, why);
    return good;
}

static bool kind_synced(const struct kind_cache *k)
{
    bool synced = true;
    for (unsigned i = 0; i < k->n_watches && synced; i++)
        synced = lp_kube_watch_synced(k->watches[i]);
    return synced;
}

bool cache_synced(struct cache *c)
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

json_t *cache_stats(struct cache *c)
{
    json_t *kinds = json_array();

    json_array_append_new(kinds, stats_of(&c->platforms));
    for (unsigned i = 0; i < N_CHILD_KINDS; i++)
        json_array_append_new(kinds, stats_of(&c->children[i]));
    return kinds;
}
