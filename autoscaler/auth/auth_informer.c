/*
 * Keeps the trust of auth.h as ConfigMap kube-system/extension-apiserver-authentication says: the
 * CAs change while we run (OpenShift replaces the front proxy's a day after installation).
 *
 * Threads: one, of the watch.
 */
#include "autoscaler/auth/auth_parts.h"
#include "base/alloc.h"
#include "base/log.h"
#include "kube/kinds.h"

static void on_config_map(enum lp_kube_event event, json_t *object, void *user)
{
    struct trust *t;
    struct lp_error err = { 0 };
    if (event == LP_KUBE_DELETED)
        return;
    if (trust_parse(object, &t, &err) < 0) {
        lp_log_error("the ConfigMap of trusted CAs cannot be read; the CAs known before stay",
                     "why", err.msg);
        return;
    }
    auth_set_trust(user, t);
    trust_unref(t);
}

static void on_synced(void *user)
{
    (void)user;
}

static void on_failed(const struct lp_error *err, int64_t retry_ms, void *user)
{
    lp_auto_free char *retry = lp_sprintf("%lld", (long long)retry_ms);
    (void)user;
    lp_log_warn("the watch of the trusted CAs failed", "why", err->msg, "retry_ms", retry);
}

int auth_start_informer(struct auth *a, struct lp_error *err)
{
    const struct lp_kube_watch_options options = {
        .kind = &lp_kube_config_maps,
        .ns = "kube-system",
        .field_selector = "metadata.name=extension-apiserver-authentication",
        .name = "auth-trust",
        .cached_first = true,
        .sink = { .event = on_config_map, .synced = on_synced, .failed = on_failed, .user = a },
    };
    return lp_kube_watch_start(a->kube, a->stop, &options, &a->informer, err);
}
