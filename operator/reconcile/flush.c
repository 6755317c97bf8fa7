/* operator/reconcile/flush.c -- what is written when a process ends. Threads: that which ends it,
 * after the workers. */
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "operator/reconcile/reconcile.h"
#include "operator/status/history.h"
#include "platform/spec_decode.h"

int reconcile_flush(const struct reconciler *r, const char *key, struct lp_error *err)
{
    size_t at = strcspn(key, "/");
    lp_auto_free char *ns = lp_strndup(key, at);
    const char *name = key[at] ? key + at + 1 : key;
    json_auto_t *object = cache_platform(r->cache, ns, name);
    struct platform platform = { .ns = ns,
                                 .name = name,
                                 .uid = lp_json_str(object, "metadata", "uid", NULL),
                                 .images = r->images };
    struct lp_error ignored;

    if (!platform.uid || lp_json_str(object, "metadata", "deletionTimestamp", NULL) ||
        spec_decode(object, &platform.spec, &ignored) < 0 || !spec_is_active(&platform.spec))
        return 0;
    struct reconcile_context ctx = {
        .r = r, .state = platform_states_of(r->states, key), .object = object, .platform = &platform
    };
    return history_flush(&ctx, err);
}
