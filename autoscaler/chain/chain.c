/*
 * One thread, the keeper, keeps three things: the APIServices (chain_redirect.c), the token for the
 * other adapter, and its list of metrics in our discovery documents. Informers of the APIServices,
 * of our Deployment and namespace and of the definition of LearningPlatforms wake it, so that an
 * APIService is given back while we may still write: where everything is deleted at once, our
 * rights soon go too.
 *
 * Threads: the keeper and five informers; `lock` covers what they and the proxy's threads share.
 */
#include "autoscaler/chain/chain.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "autoscaler/chain/chain_redirect.h"
#include "autoscaler/chain/chain_token.h"
#include "autoscaler/chain/chain_lists.h"
#include "autoscaler/registration/record.h"
#include "autoscaler/registration/registration_objects.h"
#include "autoscaler/base/telemetry.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/heartbeat.h"
#include "base/log.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "kube/watch.h"

#define ROUND_MS 30000
#define RETRY_MS 1000
#define LIST_MS 60000
#define REFUSED_MS 10000 /* between two tokens, where the first was refused */
#define LOOK_MS 30000
#define CLIENT_TIMEOUT_MS 5000

enum watched {
    WATCH_V1BETA2,
    WATCH_V1BETA1,
    WATCH_DEFINITION,
    WATCH_NAMESPACE,
    WATCH_DEPLOYMENT,
    N_WATCHES
};
static const char *const watch_names[N_WATCHES] = { "chain-v1beta2", "chain-v1beta1", "chain-crd",
                                                    "chain-ns", "chain-deploy" };

struct informer {
    struct chain *chain;
    enum watched what;
    struct lp_kube_watch *watch;
    char selector[128];
};

struct chain {
    struct chain_options options;
    struct chain_proxy *proxy;
    struct informer informers[N_WATCHES];
    unsigned n_informers;
    pthread_t keeper;
    bool keeper_runs;
    struct chain_redirect redirects[METRICS_VERSIONS]; /* the keeper's */
    struct chain_lists *lists;
    struct chain_token token; /* the keeper's */
    int64_t list_at_ms;       /* the keeper's */
    int64_t began_ms;

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    bool wake, refused, closed, listed;
    bool terminating[N_WATCHES]; /* by its informer: deleted, terminating, or scaled to 0 */
    bool looked;                 /* whom we stand in for is known */
    int64_t refused_ms;          /* when a token was last renewed for being refused; 0: never */
    char *bundle;                /* NULL: not ready to serve yet */
    char conflict[REGISTRATION_CONFLICT];
};

static void wake(struct chain *c)
{
    pthread_mutex_lock(&c->lock);
    c->wake = true;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

/* ---- from the proxy's threads ---- */

static void on_refused(void *user)
{
    struct chain *c = user;
    int64_t now = lp_clock_ms();
    pthread_mutex_lock(&c->lock);
    if (c->refused_ms == 0 || now - c->refused_ms > REFUSED_MS) {
        c->refused_ms = now;
        c->refused = c->wake = true;
        pthread_cond_signal(&c->changed);
    }
    pthread_mutex_unlock(&c->lock);
}

static void on_listed(enum metrics_version v, json_t *resources, const char *why, void *user)
{
    struct chain *c = user;
    chain_lists_arrive(c->lists, v, resources, why);
    pthread_mutex_lock(&c->lock);
    c->listed = true;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

/* ---- the keeper ---- */

/* The stop ends no request of its: an APIService that is given back at that moment would be, and
 * nobody would know any more whose its fields were. */
static int new_client(struct chain *c, struct lp_kube_client **ret_client, struct lp_error *err)
{
    const struct lp_kube_client_options options = { .user_agent = "lp-adapter/" LP_VERSION,
                                                    .total_timeout_ms = CLIENT_TIMEOUT_MS };
    return lp_kube_client_new(c->options.kube, &options, ret_client, err);
}

/* An Event on our Deployment; that another replica wrote it already is fine. */
static void report_set_back(struct chain *c, struct lp_kube_client *client, enum metrics_version v)
{
    const struct registration *g = c->options.registration;
    char when[LP_CLOCK_TEXT];
    int64_t now = lp_clock_wall_ms();
    struct lp_error err = { 0 };
    lp_clock_format(now, 6, when);
    lp_auto_free char *name =
        lp_sprintf("%s.%s.set-back.%llx", g->deployment, metrics_version_name(v),
                   (unsigned long long)(now / 60000));
    lp_auto_free char *note = lp_sprintf(
        "APIService %s was set back by its owner and leads to us again", registration_name(v));
    json_auto_t *event = lp_json_make(
        "{s:s, s:s, s:{s:s, s:s}, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s}}",
        "apiVersion", "events.k8s.io/v1", "kind", "Event", "metadata", "name", name, "namespace",
        g->ns, "eventTime", when, "type", "Warning", "reason", "MetricsAPISetBack", "action",
        "Chain", "note", note, "reportingController", "learningplatform.io/lp-operator",
        "reportingInstance", "lp-adapter", "regarding", "apiVersion", "apps/v1", "kind",
        "Deployment", "namespace", g->ns, "name", g->deployment);
    if (lp_kube_create(client, &lp_kube_events, event, NULL, &err) < 0 && err.code != LP_E_EXISTS)
        lp_log_warn("cannot write an Event", "error", err.msg);
}

/* True where there is anybody to ask. */
static bool use_backends(struct chain *c)
{
    const struct registration *g = c->options.registration;
    bool any = false;
    for (enum metrics_version v = METRICS_V1BETA2; v < METRICS_VERSIONS; v++) {
        auto_chain_backend struct chain_backend backend = { 0 };
        struct lp_error err = { 0 };
        const json_t *spec = c->redirects[v].previous;
        bool good = spec && !record_leads_to(spec, g->ns, g->service) &&
                    chain_backend_of(spec, &backend, &err) == 0;
        if (spec && err.code < 0)
            lp_log_warn("what an APIService led to before cannot be asked", "why", err.msg);
        chain_proxy_backend(c->proxy, v, good ? &backend : NULL);
        any |= good;
    }
    return any;
}

static void refresh_lists(struct chain *c, bool anybody)
{
    int64_t now = lp_clock_ms();
    if (!anybody) {
        if (c->list_at_ms > 0)
            chain_lists_forget(c->lists);
        c->list_at_ms = 0;
    } else if (now >= c->list_at_ms) {
        for (enum metrics_version v = METRICS_V1BETA2; v < METRICS_VERSIONS; v++)
            chain_proxy_list(c->proxy, v);
        c->list_at_ms = now + LIST_MS;
    }
}

static int refresh_token(struct chain *c, struct lp_kube_client *client, bool refused,
                         struct lp_error *err)
{
    const struct registration *g = c->options.registration;
    bool changed = false;
    int r = chain_token_renew(&c->token, client, g->ns, c->options.account, refused,
                              lp_clock_wall_ms(), &changed, err);
    if (changed)
        chain_proxy_token(c->proxy, c->token.text);
    return r;
}

/* What woke the keeper. */
struct work {
    char *bundle;            /* NULL: nothing may be written yet, the first look is due */
    const char *terminating; /* why everything is to be given back; NULL: it is not */
    bool refused;
    bool round; /* false: only a list has come */
};
static void work_done(struct work *w)
{
    free(w->bundle);
}
#define auto_work __attribute__((cleanup(work_done)))

/* Before we are ready, so that nobody asks us who does not know yet. */
static int first_look(struct chain *c, struct lp_kube_client *client, struct lp_error *err)
{
    int r = chain_look(client, c->options.registration, c->redirects, err);
    if (r < 0)
        return r;
    if (use_backends(c) && refresh_token(c, client, false, err) < 0)
        lp_log_warn("no token for the other adapter yet", "why", err->msg);
    pthread_mutex_lock(&c->lock);
    c->looked = true;
    pthread_mutex_unlock(&c->lock);
    return 0;
}

/* *ret_wait_ms: until something is due. */
static int round_of(struct chain *c, struct lp_kube_client *client, const struct work *w,
                    int64_t *ret_wait_ms, struct lp_error *err)
{
    char conflict[REGISTRATION_CONFLICT];
    int64_t again_ms = INT64_MAX;
    const struct chain_redirect_input now = { w->bundle, w->terminating, lp_clock_ms() };
    int r = chain_redirect(client, c->options.registration, c->redirects, &now, conflict, &again_ms,
                           err);
    if (r < 0)
        return r;
    pthread_mutex_lock(&c->lock);
    memcpy(c->conflict, conflict, sizeof conflict);
    pthread_mutex_unlock(&c->lock);
    for (enum metrics_version v = METRICS_V1BETA2; v < METRICS_VERSIONS; v++)
        if (c->redirects[v].set_back)
            report_set_back(c, client, v);
    bool anybody = use_backends(c);
    if (anybody)
        r = refresh_token(c, client, w->refused, err);
    refresh_lists(c, anybody);
    int64_t wait_ms = again_ms == INT64_MAX ? ROUND_MS : again_ms - lp_clock_ms();
    *ret_wait_ms = wait_ms < 0 ? 0 : wait_ms > ROUND_MS ? ROUND_MS : wait_ms;
    return r;
}

static const char *why_terminating_locked(const struct chain *c)
{
    if (c->terminating[WATCH_NAMESPACE] || c->terminating[WATCH_DEPLOYMENT])
        return REGISTRATION_REMOVED;
    return c->terminating[WATCH_DEFINITION] ? REGISTRATION_NO_DEFINITION : NULL;
}

/* Without a bundle only the first look, at its time. */
static bool has_work_locked(const struct chain *c)
{
    return c->bundle && (c->wake || c->listed);
}

/* False: closed. *ret_work is the caller's all the same. */
static bool wait_for_work(struct chain *c, int64_t due_ms, struct work *ret_work)
{
    struct timespec end = lp_clock_deadline(due_ms - lp_clock_ms());
    int r = 0;
    lp_heartbeat_wait(INT64_MAX);
    pthread_mutex_lock(&c->lock);
    while (!c->closed && r == 0 && !has_work_locked(c)) {
        if (!c->bundle && c->looked)
            pthread_cond_wait(&c->changed, &c->lock);
        else
            r = pthread_cond_clockwait(&c->changed, &c->lock, CLOCK_MONOTONIC, &end);
    }
    bool goes_on = !c->closed;
    *ret_work = (struct work){ lp_strdup(c->bundle), why_terminating_locked(c), c->refused,
                               c->wake || r != 0 };
    c->wake = c->refused = c->listed = false;
    pthread_mutex_unlock(&c->lock);
    lp_heartbeat();
    return goes_on && !lp_stop_requested(c->options.stop);
}

/* When the next round is due. */
static int64_t do_round(struct chain *c, struct lp_kube_client **client, const struct work *work)
{
    struct lp_error err = { 0 };
    int64_t wait_ms = 0;
    int r = *client ? 0 : new_client(c, client, &err);
    if (r == 0)
        r = work->bundle ? round_of(c, *client, work, &wait_ms, &err)
                         : first_look(c, *client, &err);
    if (r < 0) {
        wait_ms = lp_jitter(RETRY_MS, 10);
        if (r != LP_E_CANCELED && r != LP_E_CONFLICT)
            lp_log_warn("the chain to the other adapter is not in place; trying again", "why",
                        err.msg);
    }
    return lp_clock_ms() + wait_ms;
}

static void *run_chain(void *user)
{
    struct chain *c = user;
    lp_auto_kube_client struct lp_kube_client *client = NULL;
    int64_t due_ms = 0;
    lp_heartbeat_begin("chain-keeper", LP_HEARTBEAT_MS);
    for (;;) {
        auto_work struct work work = { 0 };
        if (!wait_for_work(c, due_ms, &work))
            break;
        chain_lists_show(c->lists);
        if (work.round)
            due_ms = do_round(c, &client, &work);
    }
    lp_heartbeat_end();
    return NULL;
}

/* ---- informers ---- */

/* What the informers say is enough: a read of the keeper's own may come after our rights are gone.
 */
static bool is_terminating(enum lp_kube_event event, const json_t *object)
{
    return event == LP_KUBE_DELETED ||
           lp_json_str(object, "metadata", "deletionTimestamp", NULL) != NULL ||
           lp_json_int(1, object, "spec", "replicas", NULL) == 0;
}

static void on_event(enum lp_kube_event event, json_t *object, void *user)
{
    const struct informer *informer = user;
    struct chain *c = informer->chain;
    pthread_mutex_lock(&c->lock);
    c->terminating[informer->what] = is_terminating(event, object);
    c->wake = true;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static void on_synced(void *user)
{
    wake(((struct informer *)user)->chain);
}

static void on_failed(const struct lp_error *err, int64_t retry_ms, void *user)
{
    const struct informer *informer = user;
    lp_auto_free char *retry = lp_sprintf("%lld", (long long)retry_ms);
    lp_log_warn("a watch of the chain failed", "watch", watch_names[informer->what], "why",
                err->msg, "retry_ms", retry);
}

static int start_informer(struct chain *c, enum watched what, struct lp_error *err)
{
    const struct registration *g = c->options.registration;
    const struct {
        const struct lp_kube_kind *kind;
        const char *ns, *name;
    } watches[N_WATCHES] = {
        [WATCH_V1BETA2] = { &lp_kube_api_services, NULL, registration_name(METRICS_V1BETA2) },
        [WATCH_V1BETA1] = { &lp_kube_api_services, NULL, registration_name(METRICS_V1BETA1) },
        [WATCH_DEFINITION] = { &lp_kube_crds, NULL, REGISTRATION_DEFINITION },
        [WATCH_NAMESPACE] = { &lp_kube_namespaces, NULL, g->ns },
        [WATCH_DEPLOYMENT] = { &lp_kube_deployments, g->ns, g->deployment },
    };
    struct informer *informer = &c->informers[c->n_informers];
    *informer = (struct informer){ .chain = c, .what = what };
    snprintf(informer->selector, sizeof informer->selector, "metadata.name=%.100s",
             watches[what].name);
    const struct lp_kube_watch_options options = {
        .kind = watches[what].kind,
        .ns = watches[what].ns,
        .field_selector = informer->selector,
        .name = watch_names[what],
        .sink = { .event = on_event, .synced = on_synced, .failed = on_failed, .user = informer },
    };
    int r = lp_kube_watch_start(c->options.kube, c->options.stop, &options, &informer->watch, err);
    c->n_informers += r == 0;
    return r;
}

/* ---- start and end ---- */

static int start_all(struct chain *c, struct lp_error *err)
{
    const struct chain_proxy_options proxy = {
        .ns = c->options.registration->ns,
        .service = c->options.registration->service,
        .account = c->options.account,
        .connect_to = c->options.connect_to,
        .stop = c->options.stop,
        .refused = on_refused,
        .listed = on_listed,
        .user = c,
    };
    int r = chain_proxy_start(&proxy, &c->proxy, err);
    for (enum watched w = 0; r == 0 && w < N_WATCHES; w++)
        r = start_informer(c, w, err);
    if (r == 0 && pthread_create(&c->keeper, NULL, run_chain, c) != 0)
        r = lp_error_set(err, LP_E_INTERNAL, "cannot start the thread of the chain");
    if (r < 0)
        return r;
    c->keeper_runs = true;
    pthread_setname_np(c->keeper, "chain-keeper");
    return 0;
}

int chain_start(const struct chain_options *options, struct chain **ret_chain, struct lp_error *err)
{
    struct chain *c = lp_alloc(sizeof *c);
    c->options = *options;
    c->options.look_ms = options->look_ms > 0 ? options->look_ms : LOOK_MS;
    c->began_ms = lp_clock_ms();
    c->lists = chain_lists_new();
    for (unsigned i = 0; i < METRICS_VERSIONS; i++)
        c->redirects[i] = (struct chain_redirect)CHAIN_REDIRECT_INIT;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    int r = start_all(c, err);
    if (r < 0) {
        lp_stop_request(options->stop);
        chain_close(c);
        chain_free(c);
        return r;
    }
    *ret_chain = c;
    return 0;
}

struct chain_proxy *chain_proxy(struct chain *c)
{
    return c->proxy;
}

bool chain_looked(struct chain *c)
{
    pthread_mutex_lock(&c->lock);
    bool looked = c->looked;
    pthread_mutex_unlock(&c->lock);
    return looked || lp_clock_ms() - c->began_ms > c->options.look_ms;
}

void chain_publish(struct chain *c, const char *ca_bundle, char ret_conflict[REGISTRATION_CONFLICT])
{
    pthread_mutex_lock(&c->lock);
    if (!c->bundle || strcmp(c->bundle, ca_bundle) != 0) {
        free(c->bundle);
        c->bundle = lp_strdup(ca_bundle);
        c->wake = true;
        pthread_cond_signal(&c->changed);
    }
    memcpy(ret_conflict, c->conflict, sizeof c->conflict);
    pthread_mutex_unlock(&c->lock);
}

void chain_close(struct chain *c)
{
    pthread_mutex_lock(&c->lock);
    c->closed = true;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
    if (c->keeper_runs)
        pthread_join(c->keeper, NULL);
    while (c->n_informers > 0)
        lp_kube_watch_join(c->informers[--c->n_informers].watch);
    if (c->proxy)
        chain_proxy_close(c->proxy);
}

void chain_free(struct chain *c)
{
    if (!c)
        return;
    chain_proxy_free(c->proxy);
    for (unsigned i = 0; i < METRICS_VERSIONS; i++) {
        chain_redirect_done(&c->redirects[i]);
    }
    chain_lists_free(c->lists);
    chain_token_done(&c->token);
    free(c->bundle);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
