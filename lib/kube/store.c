/* lib/kube/store.c -- a table from key to compact JSON text. Text takes a fraction of a json_t
 * tree, and a get is rare beside the objects that lie there. With a packer a text is kept as what
 * differs from the first ones that came, the model: objects of one kind are much alike. One mutex;
 * packing and parsing happen outside of it. */
#include "kube/store.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "json/json.h"
#include "kube/version.h"

#define MODEL_BYTES 12288
#define MAX_TEXT (64 << 20) /* more than any object has; what came was limited */
#define PACKED_FROM 128     /* a shorter text is kept as it is */

/* Replaced as a whole, never changed. `bytes` holds key, version and text, each with a NUL, the
 * text without one where it is packed. */
struct entry {
    struct entry *next;
    uint32_t version_at, text_at, size; /* in `bytes` */
    uint32_t text_len;                  /* once unpacked */
    uint32_t model_len;                 /* how much of the model it was packed with; 0: it is not */
    char bytes[];
};

struct lp_kube_store {
    pthread_mutex_t lock;
    struct lp_kube_packer *packer;
    struct entry **buckets;
    size_t n_buckets, n_entries;
    char *model; /* MODEL_BYTES, of which model_len are there and never change again */
    size_t model_len;
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

struct lp_kube_store *lp_kube_store_new(struct lp_kube_packer *packer)
{
    struct lp_kube_store *s = lp_alloc(sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    s->packer = packer;
    s->n_buckets = 16;
    s->buckets = lp_calloc(s->n_buckets, sizeof(struct entry *));
    return s;
}

void lp_kube_store_free(struct lp_kube_store *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_buckets; i++) {
        for (struct entry *e = s->buckets[i], *next; e; e = next) {
            next = e->next;
            free(e);
        }
    }
    pthread_mutex_destroy(&s->lock);
    free(s->buckets);
    free(s->model);
    free(s);
}

static struct entry **slot_locked(struct lp_kube_store *s, const char *key)
{
    struct entry **at = &s->buckets[lp_hash(key) & (s->n_buckets - 1)];
    while (*at && strcmp((*at)->bytes, key) != 0)
        at = &(*at)->next;
    return at;
}

static void grow_locked(struct lp_kube_store *s)
{
    size_t n = s->n_buckets * 2;
    struct entry **buckets = lp_calloc(n, sizeof(struct entry *));

    for (size_t i = 0; i < s->n_buckets; i++) {
        for (struct entry *e = s->buckets[i], *next; e; e = next) {
            struct entry **at = &buckets[lp_hash(e->bytes) & (n - 1)];
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
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(MAX_TEXT);
    lp_json_write_unsorted(copy, &text);
    if (text.len == 0 || text.overflowed)
        return NULL;
    *ret_len = text.len;
    return lp_buf_take(&text);
}

/* How much of the model there is to pack a text with; a text that still has room becomes part of
 * it. */
static size_t model_for(struct lp_kube_store *s, const char *text, size_t len)
{
    if (!s->packer || len < PACKED_FROM)
        return 0;
    pthread_mutex_lock(&s->lock);
    size_t there = s->model_len;
    if (!s->model)
        s->model = lp_alloc(MODEL_BYTES);
    if (len <= MODEL_BYTES - there) {
        memcpy(s->model + there, text, len);
        s->model_len += len;
    }
    pthread_mutex_unlock(&s->lock);
    return there;
}

static struct entry *make_entry(struct lp_kube_store *s, const char *key, const char *version,
                                const char *text, size_t len)
{
    size_t key_size = strlen(key) + 1, version_size = strlen(version) + 1, size = len;
    size_t model_len = model_for(s, text, len);
    lp_auto_free void *packed =
        model_len ? lp_kube_pack(s->packer, s->model, model_len, text, len, &size) : NULL;
    struct entry *e = lp_alloc(sizeof *e + key_size + version_size + size);

    e->version_at = (uint32_t)key_size;
    e->text_at = (uint32_t)(key_size + version_size);
    e->size = (uint32_t)size;
    e->text_len = (uint32_t)len;
    e->model_len = packed ? (uint32_t)model_len : 0;
    memcpy(e->bytes, key, key_size);
    memcpy(e->bytes + e->version_at, version, version_size);
    memcpy(e->bytes + e->text_at, packed ? packed : text, size);
    return e;
}

static void put_entry(struct lp_kube_store *s, struct entry *e)
{
    pthread_mutex_lock(&s->lock);
    struct entry **at = slot_locked(s, e->bytes), *old = *at;
    if (old) {
        e->next = old->next;
    } else if (s->n_entries++ >= s->n_buckets) {
        grow_locked(s);
        at = slot_locked(s, e->bytes);
    }
    *at = e;
    pthread_mutex_unlock(&s->lock);
    free(old);
}

void lp_kube_store_put(struct lp_kube_store *s, const json_t *object)
{
    lp_auto_free char *key = lp_kube_key_of(object);
    const char *version = lp_json_str(object, "metadata", "resourceVersion", NULL);
    size_t len;
    lp_auto_free char *text = project(object, &len);

    if (text) /* else it is no object */
        put_entry(s, make_entry(s, key, version ? version : "", text, len));
}

static json_t *outline(const json_t *object)
{
    static const char *const kept[] = { "name",   "namespace",       "uid",       "resourceVersion",
                                        "labels", "ownerReferences", "generation" };
    json_t *metadata = json_object();
    for (size_t i = 0; i < LP_COUNT(kept); i++) {
        json_t *value = lp_json_at(object, "metadata", kept[i], NULL);
        if (value)
            json_object_set(metadata, kept[i], value);
    }
    json_t *o = lp_json_make("{s:o}", "metadata", metadata);
    lp_json_set_str(o, "apiVersion", lp_json_str(object, "apiVersion", NULL));
    lp_json_set_str(o, "kind", lp_json_str(object, "kind", NULL));
    return o;
}

void lp_kube_store_put_outline(struct lp_kube_store *s, const json_t *object)
{
    json_auto_t *short_form = outline(object);
    lp_kube_store_put(s, short_form);
}

void lp_kube_store_put_key(struct lp_kube_store *s, const json_t *object)
{
    lp_auto_free char *key = lp_kube_key_of(object);
    put_entry(s, make_entry(s, key, "", "", 0));
}

void lp_kube_store_remove(struct lp_kube_store *s, const json_t *object)
{
    lp_auto_free char *key = lp_kube_key_of(object);

    pthread_mutex_lock(&s->lock);
    struct entry **at = slot_locked(s, key), *e = *at;
    if (e) {
        *at = e->next;
        s->n_entries--;
    }
    pthread_mutex_unlock(&s->lock);
    free(e);
}

static struct entry *copy_of(struct lp_kube_store *s, const char *key)
{
    struct entry *copy = NULL;

    pthread_mutex_lock(&s->lock);
    const struct entry *e = *slot_locked(s, key);
    if (e) {
        size_t size = sizeof *e + e->text_at + e->size;
        copy = lp_alloc(size);
        memcpy(copy, e, size);
    }
    pthread_mutex_unlock(&s->lock);
    return copy;
}

json_t *lp_kube_store_get(struct lp_kube_store *s, const char *ns, const char *name)
{
    lp_auto_free char *key = lp_kube_key(ns, name);
    lp_auto_free struct entry *e = copy_of(s, key);
    json_error_t why;

    if (!e)
        return NULL;
    if (e->model_len == 0)
        return json_loadb(e->bytes + e->text_at, e->size, 0, &why);
    lp_auto_free char *text = lp_kube_unpack(s->packer, s->model, e->model_len,
                                             e->bytes + e->text_at, e->size, e->text_len);
    return text ? json_loadb(text, e->text_len, 0, &why) : NULL; /* we wrote it ourselves */
}

bool lp_kube_store_reached(struct lp_kube_store *s, const char *key, const char *version)
{
    pthread_mutex_lock(&s->lock);
    const struct entry *e = *slot_locked(s, key);
    bool reached = e && lp_kube_version_reached(e->bytes + e->version_at, version);
    pthread_mutex_unlock(&s->lock);
    return reached;
}

bool lp_kube_store_holds(struct lp_kube_store *s, const char *key, const char *version)
{
    pthread_mutex_lock(&s->lock);
    const struct entry *e = *slot_locked(s, key);
    bool same = e && version && strcmp(e->bytes + e->version_at, version) == 0;
    pthread_mutex_unlock(&s->lock);
    return same;
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
            each(e->bytes, user);
    }
    pthread_mutex_unlock(&s->lock);
}
