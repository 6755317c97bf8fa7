/*
 * Threads: the keeper of chain.c only.
 */
#include "autoscaler/chain/chain_redirect.h"

#include <stdio.h>

#include "autoscaler/chain/chain_backend.h"
#include "autoscaler/registration/record.h"
#include "autoscaler/registration/registration_objects.h"
#include "autoscaler/base/telemetry.h"
#include "base/alloc.h"
#include "base/base64.h"
#include "base/log.h"
#include "json/json.h"
#include "kube/kinds.h"

#define REPORT_AFTER_MS 10000 /* a wait that is longer is reported as a conflict */

struct redirect_context {
    struct lp_kube_client *client;
    const struct registration *g;
    const char *ca_bundle;
    json_t *owner;
    json_t *have[METRICS_VERSIONS];
    int64_t now_ms;
    char *conflict;   /* REGISTRATION_CONFLICT bytes */
    bool conflicting; /* of the version under work */
};

void chain_redirect_done(struct chain_redirect *l)
{
    json_decref(l->previous);
    l->previous = NULL;
}

static void set_previous(struct chain_redirect *l, json_t *previous)
{
    if (l->previous != previous)
        json_decref(l->previous);
    l->previous = previous;
}

/* Writes what is not so already. */
static int write_redirected(struct redirect_context *k, enum metrics_version v,
                            const json_t *previous, struct lp_error *err)
{
    lp_auto_free char *base64 = lp_base64_of(k->ca_bundle);
    const struct record_target target = { k->g->ns, k->g->service, k->g->port, base64, k->owner };
    json_auto_t *redirected = record_redirected(k->have[v], previous, &target);
    if (!redirected)
        return lp_error_set(err, LP_E_TOO_LARGE,
                            "its spec is too large to be kept in annotation %s", RECORD_ANNOTATION);
    if (json_equal(redirected, k->have[v]))
        return 0;
    return lp_kube_update(k->client, &lp_kube_api_services, NULL, redirected, NULL, err);
}

/* It leads to us: in another's place, or as our own. */
static int update(struct redirect_context *k, enum metrics_version v, struct chain_redirect *l,
                  struct lp_error *err)
{
    json_t *recorded = record_spec(k->have[v]);
    l->not_before_ms = 0;
    if (recorded)
        set_previous(l, recorded);
    l->redirected = l->previous != NULL;
    return l->previous
               ? write_redirected(k, v, l->previous, err)
               : registration_make(k->client, k->g, v, k->ca_bundle, k->owner, k->have[v], err);
}

static void report_conflict(struct redirect_context *k, enum metrics_version v, const char *what)
{
    const json_t *spec = json_object_get(k->have[v], "spec");
    const char *ns = lp_json_str(spec, "service", "namespace", NULL);
    const char *name = lp_json_str(spec, "service", "name", NULL);
    k->conflicting = true;
    snprintf(k->conflict, REGISTRATION_CONFLICT, "APIService %s leads to Service %.63s/%.63s: %s",
             registration_name(v), ns ? ns : "?", name ? name : "?", what);
}

/* It was set back while it led to us: true where that is to be left so for now. */
static bool is_left(struct redirect_context *k, enum metrics_version v, struct chain_redirect *l)
{
    if (!l->redirected)
        return false;
    if (l->not_before_ms == 0) {
        l->not_before_ms = k->now_ms + lp_backoff_next(&l->backoff);
        lp_metric_add(lp_metric_with(telemetry.chain_taken, registration_name(v)), 1);
        lp_log_warn("an APIService was set back by its owner", "apiservice", registration_name(v));
    }
    if (l->not_before_ms - k->now_ms > REPORT_AFTER_MS)
        report_conflict(k, v, "it is set back again and again, and led to us ever later");
    return k->now_ms < l->not_before_ms;
}

/* It leads to another adapter. */
static int redirect_other(struct redirect_context *k, enum metrics_version v,
                          struct chain_redirect *l, struct lp_error *err)
{
    json_t *spec = json_object_get(k->have[v], "spec");
    auto_chain_backend struct chain_backend backend = { 0 };
    if (record_is_anothers(k->have[v], k->g->ns, k->g->service)) {
        report_conflict(k, v, "it is chained by another lp-operator already");
        return 0;
    }
    if (chain_backend_of(spec, &backend, err) < 0) {
        report_conflict(k, v, err->msg);
        return 0;
    }
    if (is_left(k, v, l))
        return 0;
    int r = write_redirected(k, v, spec, err);
    if (r < 0)
        return r;
    lp_log_info("an APIService leads to us in another's place", "apiservice", registration_name(v),
                "namespace", backend.ns, "service", backend.service);
    l->set_back = l->redirected;
    l->redirected = true;
    l->not_before_ms = 0;
    set_previous(l, json_incref(spec));
    return 0;
}

static bool is_of_another(const struct redirect_context *k, enum metrics_version v)
{
    const json_t *have = k->have[v];
    return have && (!registration_is_ours(have, k->g) || registration_is_chained(have));
}

static int redirect_one(struct redirect_context *k, enum metrics_version v,
                        struct chain_redirect *l, struct lp_error *err)
{
    enum metrics_version other = v == METRICS_V1BETA2 ? METRICS_V1BETA1 : METRICS_V1BETA2;
    int r = 0;
    l->set_back = false;
    if (!k->have[v]) {
        set_previous(l, NULL);
        l->redirected = false;
        if (!is_of_another(k, other))
            r = registration_make(k->client, k->g, v, k->ca_bundle, k->owner, NULL, err);
    } else if (registration_is_ours(k->have[v], k->g)) {
        r = update(k, v, l, err);
    } else {
        r = redirect_other(k, v, l, err);
    }
    return r < 0 ? lp_error_wrap(err, "APIService %s", registration_name(v)) : 0;
}

static void redirect_set_metrics(enum metrics_version v, const struct chain_redirect *l,
                                 bool conflict)
{
    const char *name = registration_name(v);
    lp_metric_set(lp_metric_with(telemetry.chained, name),
                  l->redirected && l->previous && l->not_before_ms == 0 ? 1 : 0);
    lp_metric_set(lp_metric_with(telemetry.conflict, name), conflict ? 1 : 0);
}

static int redirect_both(struct redirect_context *k,
                         struct chain_redirect redirects[METRICS_VERSIONS], int64_t *ret_again_ms,
                         struct lp_error *err)
{
    int r = 0;
    for (enum metrics_version v = METRICS_V1BETA2; r == 0 && v < METRICS_VERSIONS; v++)
        r = registration_read(k->client, v, &k->have[v], err);
    for (enum metrics_version v = METRICS_V1BETA2; r == 0 && v < METRICS_VERSIONS; v++) {
        k->conflicting = false;
        r = redirect_one(k, v, &redirects[v], err);
        redirect_set_metrics(v, &redirects[v], k->conflicting);
        if (redirects[v].not_before_ms > 0 && redirects[v].not_before_ms < *ret_again_ms)
            *ret_again_ms = redirects[v].not_before_ms;
    }
    return r;
}

/* *ret_terminating: why the APIServices are to be given back; NULL: they are not. */
static int read_owner(struct redirect_context *k, const char **ret_terminating,
                      struct lp_error *err)
{
    bool terminating = false;
    int r = registration_terminating(k->client, k->g, &terminating, err);
    if (r == 0 && !terminating)
        r = registration_owner(k->client, k->g, &k->owner, err);
    *ret_terminating = terminating ? REGISTRATION_REMOVED
                       : k->owner  ? NULL
                                   : REGISTRATION_NO_DEFINITION;
    return r;
}

static int give_back(struct redirect_context *k, struct chain_redirect redirects[METRICS_VERSIONS],
                     const char *why, struct lp_error *err)
{
    for (enum metrics_version v = METRICS_V1BETA2; v < METRICS_VERSIONS; v++) {
        chain_redirect_done(&redirects[v]);
        redirects[v].redirected = false;
        redirect_set_metrics(v, &redirects[v], false);
    }
    return registration_give_back_all(k->client, k->g, why, err);
}

/* What one leads to, or led to before us, where that is another adapter that may be asked. */
static json_t *look_at(const struct registration *g, const json_t *have)
{
    auto_chain_backend struct chain_backend backend = { 0 };
    struct lp_error err = { 0 };
    if (!have)
        return NULL;
    if (registration_is_ours(have, g))
        return record_spec(have);
    json_t *spec = json_object_get(have, "spec");
    bool good =
        !record_is_anothers(have, g->ns, g->service) && chain_backend_of(spec, &backend, &err) == 0;
    return good ? json_incref(spec) : NULL;
}

int chain_look(struct lp_kube_client *c, const struct registration *g,
               struct chain_redirect redirects[METRICS_VERSIONS], struct lp_error *err)
{
    json_t *have[METRICS_VERSIONS] = { NULL };
    int r = 0;
    for (enum metrics_version v = METRICS_V1BETA2; r == 0 && v < METRICS_VERSIONS; v++)
        r = registration_read(c, v, &have[v], err);
    for (enum metrics_version v = METRICS_V1BETA2; v < METRICS_VERSIONS; v++) {
        if (r == 0)
            set_previous(&redirects[v], look_at(g, have[v]));
        json_decref(have[v]);
    }
    return r;
}

int chain_redirect(struct lp_kube_client *c, const struct registration *g,
                   struct chain_redirect redirects[METRICS_VERSIONS],
                   const struct chain_redirect_input *now, char ret_conflict[REGISTRATION_CONFLICT],
                   int64_t *ret_again_ms, struct lp_error *err)
{
    struct redirect_context k = {
        c, g, now->ca_bundle, NULL, { NULL, NULL }, now->now_ms, ret_conflict, false
    };
    const char *terminating = now->terminating;
    ret_conflict[0] = '\0';
    *ret_again_ms = INT64_MAX;
    int r = terminating ? 0 : read_owner(&k, &terminating, err);
    if (r == 0 && terminating)
        r = give_back(&k, redirects, terminating, err);
    else if (r == 0)
        r = redirect_both(&k, redirects, ret_again_ms, err);
    for (unsigned i = 0; i < METRICS_VERSIONS; i++)
        json_decref(k.have[i]);
    json_decref(k.owner);
    return r;
}
