/*
 * test/fuzz/fuzz_operator_event.c -- a watch stream of any bytes, taken as the operator's watch
 * threads take it: cut into events, what is ours of each object projected, kept packed, and found
 * again. No journal says which object a watch thread was at, so none may end it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "json/json.h"
#include "kube/store.h"
#include "kube/watch_framer.h"
#include "operator/cache/owned.h"
#include "platform/scope.h"
#include "platform/plan.h"

#define LINE_BYTES 16384

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct lp_kube_packer *packer;

struct stream {
    struct lp_kube_store *store;
    struct scope scope;
};

/* What was put is what is got, but for the managedFields that a store leaves out. */
static void keep(struct lp_kube_store *store, const json_t *object)
{
    const char *ns = lp_json_str(object, "metadata", "namespace", NULL);
    const char *name = lp_json_str(object, "metadata", "name", NULL);
    const char *version = lp_json_str(object, "metadata", "resourceVersion", NULL);
    lp_auto_free char *key = lp_kube_key_of(object);

    lp_kube_store_put(store, object);
    if (version && !lp_kube_store_reached(store, key, version))
        abort();
    json_auto_t *got = name ? lp_kube_store_get(store, ns, name) : NULL;
    json_auto_t *wanted = json_deep_copy(object);
    json_object_del(json_object_get(wanted, "metadata"), "managedFields");
    if (name && !json_equal(got, wanted))
        abort();
}

static int take(const char *type, json_t *object, void *user, struct lp_error *err)
{
    struct stream *s = user;
    lp_auto_free char *owner = owned_controller(object);
    json_auto_t *ours = owned_project(object, MANAGER);
    owned_auto_difference struct owned_difference difference;
    char other[128];

    (void)err;
    if (strcmp(type, "DELETED") == 0)
        lp_kube_store_remove(s->store, object);
    else if (scope_has_class_of(&s->scope, object))
        keep(s->store, ours);
    keep(s->store, object);
    bool differs = owned_differs(ours, object, &difference);
    if (differs)
        owned_other_manager(object, MANAGER, difference.path, other);
    lp_auto_free char *digest = owned_digest(ours, object);
    lp_auto_free char *again = owned_digest(ours, object);
    if (strcmp(digest, again) != 0 || (owner && !*owner))
        abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stream s = { .scope = { .class_name = NULL } };
    lp_auto_watch_framer struct lp_watch_framer f = { .tail = LP_BUF_INIT(LINE_BYTES),
                                                      .sink = take,
                                                      .user = &s };
    struct lp_error err;

    if (!packer)
        packer = lp_kube_packer_new(); /* one for all, as in the operator */
    s.store = lp_kube_store_new(packer);
    (void)!lp_watch_framer_feed(&f, (const char *)data, size, &err);
    lp_kube_store_free(s.store);
    return 0;
}
