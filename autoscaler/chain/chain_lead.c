/*
 * Threads: the keeper of chain.c only.
 */
#include "autoscaler/chain/chain_lead.h"

#include <stdio.h>
#include <string.h>

#include "autoscaler/chain/chain_record.h"
#include "autoscaler/registration/registration_objects.h"
#include "autoscaler/telemetry.h"
#include "base/alloc.h"
#include "base/log.h"
#include "json/json.h"
#include "kube/kinds.h"

#define TELL_AFTER_MS 10000 /* a wait that is longer is told as a conflict */

struct look {
    struct lp_kube_client *client;
    const struct registration *g;
    const char *ca_bundle;
    json_t *owner;
    json_t *have[CHAIN_VERSIONS];
    int64_t now_ms;
    char *conflict; /* REGISTRATION_CONFLICT bytes */
    bool told;      /* of the version under work */
};

void chain_lead_done(struct chain_lead *l)
{
    json_decref(l->previous);
    l->previous = NULL;
}

static void set_previous(struct chain_lead *l, json_t *previous)
{
    if (l->previous != previous)
        json_decref(l->previous);
    l->previous = previous;
}

/* Writes what is not so already. */
static int write_led(struct look *k, enum query_version v, const json_t *previous,
                     struct lp_error *err)
{
    lp_auto_free char *base64 = registration_base64(k->ca_bundle);
    const struct chain_wish wish = { k->g->ns, k->g->service, k->g->port, base64, k->owner };
    json_auto_t *led = chain_led(k->have[v], previous, &wish);
    if (!led)
        return lp_error_set(err, LP_E_TOO_LARGE,
                            "its spec is too large to be kept in annotation %s", CHAIN_ANNOTATION);
    if (json_equal(led, k->have[v]))
        return 0;
    return lp_kube_update(k->client, &lp_kube_api_services, NULL, led, NULL, err);
}

/* It leads to us: in another's place, or as our own. */
static int keep(struct look *k, enum query_version v, struct chain_lead *l, struct lp_error *err)
{
    json_t *recorded = chain_previous(k->have[v]);
    l->not_before_ms = 0;
    if (recorded)
        set_previous(l, recorded);
    l->led = l->previous != NULL;
    return l->previous
               ? write_led(k, v, l->previous, err)
               : registration_make(k->client, k->g, v, k->ca_bundle, k->owner, k->have[v], err);
}

static void tell(struct look *k, enum query_version v, const char *what)
{
    const json_t *spec = json_object_get(k->have[v], "spec");
    const char *ns = lp_json_str(spec, "service", "namespace", NULL);
    const char *name = lp_json_str(spec, "service", "name", NULL);
    k->told = true;
    snprintf(k->conflict, REGISTRATION_CONFLICT, "APIService %s leads to Service %.63s/%.63s: %s",
             registration_name(v), ns ? ns : "?", name ? name : "?", what);
}

/* It was set back while it led to us: true where that is to be left so for now. */
static bool is_left(struct look *k, enum query_version v, struct chain_lead *l)
{
    if (!l->led)
        return false;
    if (l->not_before_ms == 0) {
        l->not_before_ms = k->now_ms + lp_backoff_next(&l->retakes);
        lp_metric_add(lp_metric_with(telemetry.chain_taken, registration_name(v)), 1);
        lp_log_warn("an APIService was set back by its owner", "apiservice", registration_name(v));
    }
    if (l->not_before_ms - k->now_ms > TELL_AFTER_MS)
        tell(k, v, "it is set back again and again, and led to us ever later");
    return k->now_ms < l->not_before_ms;
}

/* It leads to another adapter. */
static int take(struct look *k, enum query_version v, struct chain_lead *l, struct lp_error *err)
{
    json_t *spec = json_object_get(k->have[v], "spec");
    auto_chain_backend struct chain_backend backend = { 0 };
    if (chain_is_anothers(k->have[v], k->g->ns, k->g->service)) {
        tell(k, v, "it is chained by another lp-operator already");
        return 0;
    }
    if (chain_backend_of(spec, &backend, err) < 0) {
        tell(k, v, err->msg);
        return 0;
    }
    if (is_left(k, v, l))
        return 0;
    int r = write_led(k, v, spec, err);
    if (r < 0)
        return r;
    lp_log_info("an APIService leads to us in another's place", "apiservice", registration_name(v),
                "namespace", backend.ns, "service", backend.service);
    l->retaken = l->led;
    l->led = true;
    l->not_before_ms = 0;
    set_previous(l, json_incref(spec));
    return 0;
}

static bool is_of_another(const struct look *k, enum query_version v)
{
    const json_t *have = k->have[v];
    return have && (!registration_is_ours(have, k->g) || registration_is_chained(have));
}

static int lead_one(struct look *k, enum query_version v, struct chain_lead *l,
                    struct lp_error *err)
{
    enum query_version other = v == QUERY_V1BETA2 ? QUERY_V1BETA1 : QUERY_V1BETA2;
    int r = 0;
    l->retaken = false;
    if (!k->have[v]) {
        set_previous(l, NULL);
        l->led = false;
        if (!is_of_another(k, other))
            r = registration_make(k->client, k->g, v, k->ca_bundle, k->owner, NULL, err);
    } else if (registration_is_ours(k->have[v], k->g)) {
        r = keep(k, v, l, err);
    } else {
        r = take(k, v, l, err);
    }
    return r < 0 ? lp_error_wrap(err, "APIService %s", registration_name(v)) : 0;
}

static void show(enum query_version v, const struct chain_lead *l, bool conflict)
{
    const char *name = registration_name(v);
    lp_metric_set(lp_metric_with(telemetry.chained, name),
                  l->led && l->previous && l->not_before_ms == 0 ? 1 : 0);
    lp_metric_set(lp_metric_with(telemetry.conflict, name), conflict ? 1 : 0);
}

static int lead_both(struct look *k, struct chain_lead leads[CHAIN_VERSIONS], int64_t *ret_again_ms,
                     struct lp_error *err)
{
    int r = 0;
    for (enum query_version v = QUERY_V1BETA2; r == 0 && v < CHAIN_VERSIONS; v++)
        r = registration_read(k->client, v, &k->have[v], err);
    for (enum query_version v = QUERY_V1BETA2; r == 0 && v < CHAIN_VERSIONS; v++) {
        k->told = false;
        r = lead_one(k, v, &leads[v], err);
        show(v, &leads[v], k->told);
        if (leads[v].not_before_ms > 0 && leads[v].not_before_ms < *ret_again_ms)
            *ret_again_ms = leads[v].not_before_ms;
    }
    return r;
}

/* *ret_going: why the APIServices are to be given back; NULL: they are not. */
static int look_around(struct look *k, const char **ret_going, struct lp_error *err)
{
    bool going = false;
    int r = registration_going(k->client, k->g, &going, err);
    if (r == 0 && !going)
        r = registration_owner(k->client, k->g, &k->owner, err);
    *ret_going = going ? REGISTRATION_REMOVED : k->owner ? NULL : REGISTRATION_NO_DEFINITION;
    return r;
}

static int give_back(struct look *k, struct chain_lead leads[CHAIN_VERSIONS], const char *why,
                     struct lp_error *err)
{
    for (enum query_version v = QUERY_V1BETA2; v < CHAIN_VERSIONS; v++) {
        chain_lead_done(&leads[v]);
        leads[v].led = false;
        show(v, &leads[v], false);
    }
    return registration_give_back_all(k->client, k->g, why, err);
}

int chain_lead(struct lp_kube_client *c, const struct registration *g,
               struct chain_lead leads[CHAIN_VERSIONS], const struct chain_lead_now *now,
               char ret_conflict[REGISTRATION_CONFLICT], int64_t *ret_again_ms,
               struct lp_error *err)
{
    struct look k = {
        c, g, now->ca_bundle, NULL, { NULL, NULL }, now->now_ms, ret_conflict, false
    };
    const char *going = now->going;
    ret_conflict[0] = '\0';
    *ret_again_ms = INT64_MAX;
    int r = going ? 0 : look_around(&k, &going, err);
    if (r == 0 && going)
        r = give_back(&k, leads, going, err);
    else if (r == 0)
        r = lead_both(&k, leads, ret_again_ms, err);
    for (unsigned i = 0; i < CHAIN_VERSIONS; i++)
        json_decref(k.have[i]);
    json_decref(k.owner);
    return r;
}
