/* lib/kube/store.c -- a table from key to compact JSON text. Text takes a fraction of a json_t
 * tree, and a get is rare beside the objects that lie there. One mutex; parsing happens outside of
 * it. */
#include "kube/store.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"

struct entry {
    struct entry *next;
    char *text;
    size_t len;
    char key[];
};

struct lp_kube_store {
    pthread_mutex_t lock;
    struct entry **buckets;
    size_t n_buckets, n_entries;
};

char *lp_kube_key(const char *ns, const char *name)
{
    return ns && *ns ? lp_sprintf("%s/%s", ns, name) : lp_strdup(name);
}

char *lp_kube_key_of(const json_t *object)
{
    const char *name = lp_json_str(object, "metadata", "name", NULL);
    return lp_kube_key(lp_json_str(object, "metadata", "namespace", NULL), name ? name : "");
}

struct lp_kube_store *lp_kube_store_new(void)
{
    struct lp_kube_store *s = lp_alloc(sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    s->n_buckets = 16;
    s->buckets = lp_calloc(s->n_buckets, sizeof(struct entry *));
    return s;
}

static void free_entry(struct entry *e)
{
    free(e->text);
    free(e);
}

void lp_kube_store_free(struct lp_kube_store *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_buckets; i++) {
        for (struct entry *e = s->buckets[i], *next; e; e = next) {
            next = e->next;
            free_entry(e);
        }
    }
    pthread_mutex_destroy(&s->lock);
    free(s->buckets);
    free(s);
}

static size_t hash(const char *key)
{
    uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */
    for (; *key; key++)
        h = (h ^ (unsigned char)*key) * UINT64_C(1099511628211);
    return (size_t)h;
}

static struct entry **slot_locked(struct lp_kube_store *s, const char *key)
{
    struct entry **at = &s->buckets[hash(key) & (s->n_buckets - 1)];
    while (*at && strcmp((*at)->key, key) != 0)
        at = &(*at)->next;
    return at;
}

static void grow_locked(struct lp_kube_store *s)
{
    size_t n = s->n_buckets * 2;
    struct entry **buckets = lp_calloc(n, sizeof(struct entry *));

    for (size_t i = 0; i < s->n_buckets; i++) {
        for (struct entry *e = s->buckets[i], *next; e; e = next) {
            struct entry **at = &buckets[hash(e->key) & (n - 1)];
            next = e->next;
            e->next = *at;
            *at = e;
        }
    }
    free(s->buckets);
    s->buckets = buckets;
    s->n_buckets = n;
}

/* The object without metadata.managedFields, which is often a quarter of it and read by nobody. */
static char *project(const json_t *object, size_t *ret_len)
{
    json_auto_t *copy = json_copy((json_t *)object); /* shallow: the caller's object stays whole */
    json_auto_t *metadata = json_copy(json_object_get(object, "metadata"));

    if (metadata) {
        json_object_del(metadata, "managedFields");
        json_object_set(copy, "metadata", metadata);
    }
    char *text = json_dumps(copy, JSON_COMPACT);
    *ret_len = text ? strlen(text) : 0;
    return text;
}

void lp_kube_store_put(struct lp_kube_store *s, const json_t *object)
{
    lp_auto_free char *key = lp_kube_key_of(object);
    size_t len;
    char *text = project(object, &len);

    if (!text)
        return; /* not an object */
    pthread_mutex_lock(&s->lock);
    struct entry **at = slot_locked(s, key);
    if (!*at) {
        if (s->n_entries >= s->n_buckets) {
            grow_locked(s);
            at = slot_locked(s, key);
        }
        size_t n = strlen(key) + 1;
        *at = lp_alloc(sizeof **at + n);
        memcpy((*at)->key, key, n);
        s->n_entries++;
    }
    free((*at)->text);
    (*at)->text = text;
    (*at)->len = len;
    pthread_mutex_unlock(&s->lock);
}

void lp_kube_store_remove(struct lp_kube_store *s, const json_t *object)
{
    lp_auto_free char *key = lp_kube_key_of(object);

    pthread_mutex_lock(&s->lock);
    struct entry **at = slot_locked(s, key), *e = *at;
    if (e) {
        *at = e->next;
        s->n_entries--;
        free_entry(e);
    }
    pthread_mutex_unlock(&s->lock);
}

json_t *lp_kube_store_get(struct lp_kube_store *s, const char *ns, const char *name)
{
    lp_auto_free char *key = lp_kube_key(ns, name);
    lp_auto_free char *text = NULL;
    size_t len = 0;

    pthread_mutex_lock(&s->lock);
    const struct entry *e = *slot_locked(s, key);
    if (e) {
        text = lp_strndup(e->text, e->len);
        len = e->len;
    }
    pthread_mutex_unlock(&s->lock);
    return text ? json_loadb(text, len, 0, NULL) : NULL;
}

bool lp_kube_store_has(struct lp_kube_store *s, const char *key)
{
    pthread_mutex_lock(&s->lock);
    bool there = *slot_locked(s, key) != NULL;
    pthread_mutex_unlock(&s->lock);
    return there;
}

size_t lp_kube_store_count(struct lp_kube_store *s)
{
    pthread_mutex_lock(&s->lock);
    size_t n = s->n_entries;
    pthread_mutex_unlock(&s->lock);
    return n;
}

void lp_kube_store_keys(struct lp_kube_store *s, void (*each)(const char *key, void *user),
                        void *user)
{
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->n_buckets; i++) {
        for (const struct entry *e = s->buckets[i]; e; e = e->next)
            each(e->key, user);
    }
    pthread_mutex_unlock(&s->lock);
}
