/*
 * Events on Deployments whose metrics are lost, and are back.
 *
 * Once a second the table is asked which services went from answered to refused or the other way,
 * and each such transition gets one Event. All replicas scrape and see the same; the name of an
 * Event is made of the service, the word and the minute, so that the second to come finds it there.
 *
 * Threads: one.
 */
#include "autoscaler/informers/loss_events.h"

#include <pthread.h>
#include <string.h>

#include "autoscaler/base/telemetry.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "kube/kinds.h"

#define LOOK_MS 1000
#define CLIENT_TIMEOUT_MS 5000
#define REPORTED_AT_ONCE 16 /* the others with the next look */

struct loss_events {
    struct samples *samples;
    struct lp_kube_config *kube;
    struct lp_stop *stop;
    struct lp_kube_client *client; /* made with the first Event */
    pthread_t thread;
};

static json_t *event_of(const struct samples_loss *loss)
{
    char when[LP_CLOCK_TEXT];
    int64_t now = lp_clock_wall_ms();
    const char *reason = loss->lost ? "MetricsLost" : "MetricsRecovered";
    lp_auto_free char *name =
        lp_sprintf("%.180s.%s.%llx", loss->name, loss->lost ? "metrics-lost" : "metrics-recovered",
                   (unsigned long long)(now / 60000));
    lp_clock_format(now, 6, when);
    return lp_json_make(
        "{s:s, s:s, s:{s:s, s:s}, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s}}",
        "apiVersion", "events.k8s.io/v1", "kind", "Event", "metadata", "name", name, "namespace",
        loss->ns, "eventTime", when, "type", loss->lost ? "Warning" : "Normal", "reason", reason,
        "action", "Scrape", "note", loss->note, "reportingController",
        "learningplatform.io/lp-operator", "reportingInstance", "lp-adapter", "regarding",
        "apiVersion", "apps/v1", "kind", "Deployment", "namespace", loss->ns, "name", loss->name,
        "uid", loss->uid);
}

static int emit(struct loss_events *l, const struct samples_loss *loss, struct lp_error *err)
{
    const struct lp_kube_client_options options = { .user_agent = "lp-adapter/" LP_VERSION,
                                                    .total_timeout_ms = CLIENT_TIMEOUT_MS,
                                                    .stop = l->stop };
    int r = l->client ? 0 : lp_kube_client_new(l->kube, &options, &l->client, err);
    if (r < 0)
        return r;
    json_auto_t *event = event_of(loss);
    return lp_kube_create(l->client, &lp_kube_events, event, NULL, err);
}

static void report(struct loss_events *l, const struct samples_loss *loss)
{
    struct lp_error err = { 0 };
    lp_metric_add(lp_metric_with(telemetry.losses, loss->lost ? "lost" : "recovered"), 1);
    if (loss->lost)
        lp_log_warn("the metrics of a service are lost", "service", loss->name, "why", loss->note);
    else
        lp_log_info("the metrics of a service are back", "service", loss->name);
    int r = emit(l, loss, &err);
    if (r < 0 && r != LP_E_EXISTS && r != LP_E_CANCELED)
        lp_log_warn("cannot write an Event", "service", loss->name, "error", err.msg);
}

static void *run_loss_events(void *user)
{
    struct loss_events *l = user;
    while (!lp_stop_wait(l->stop, LOOK_MS)) {
        struct samples_loss found[REPORTED_AT_ONCE];
        unsigned n = samples_losses(l->samples, lp_clock_ms(), found, REPORTED_AT_ONCE);
        for (unsigned i = 0; i < n; i++)
            report(l, &found[i]);
    }
    return NULL;
}

int loss_events_start(struct samples *samples, struct lp_kube_config *kube, struct lp_stop *stop,
                      struct loss_events **ret_events, struct lp_error *err)
{
    struct loss_events *l = lp_alloc(sizeof *l);
    *l = (struct loss_events){ .samples = samples, .kube = kube, .stop = stop };
    if (pthread_create(&l->thread, NULL, run_loss_events, l) != 0) {
        free(l);
        return lp_error_set(err, LP_E_INTERNAL, "metrics API: cannot start the thread of losses");
    }
    pthread_setname_np(l->thread, "adapter-losses");
    *ret_events = l;
    return 0;
}

void loss_events_join(struct loss_events *l)
{
    if (!l)
        return;
    pthread_join(l->thread, NULL);
    lp_kube_client_free(l->client);
    free(l);
}
