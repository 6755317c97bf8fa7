/* cli/looks/looks.c -- see the header. One thread, beside that of the watches. */
#include "cli/looks/looks.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "cli/find.h"
#include "cli/looks/feed.h"
#include "cli/looks/rows.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "platform/spec_decode.h"

#define LIST_MS 30000
#define MOST_BYTES 65536 /* of rows that are not written yet */

struct recording {
    const struct connection *connection;
    const char *ns;
    char *name, *selector; /* owned */
    struct feed *feed;
    struct looks looks;
    struct lp_buf out;
    /* What was there when the next look should have been; no status has told of that one yet. */
    struct looks_moment due;
    bool has_due;
    bool told; /* that samples cannot be read */
};

static void recording_done(struct recording *r)
{
    feed_join(r->feed);
    looks_done(&r->looks);
    lp_buf_done(&r->out);
    free(r->name);
    free(r->selector);
}

/* Rows are there at once for who reads them while it goes on. False: nobody reads them any more. */
static bool flush(struct recording *r)
{
    size_t n = fwrite(r->out.ptr, 1, r->out.len, stdout);
    bool good = n == r->out.len && fflush(stdout) == 0;

    lp_buf_reset(&r->out);
    return good;
}

/* By name; NULL: they are not asked for, or cannot be read, which is told once. The caller's. */
static json_t *read_samples(struct recording *r)
{
    json_auto_t *list = json_array(), *samples = json_object();
    struct lp_error err;
    json_t *sample;
    bool needed = false;
    size_t k;

    for (unsigned i = 0; i < r->looks.now.rules.n_metrics; i++)
        needed = needed || r->looks.now.rules.metrics[i].source != HPA_OBJECT;
    if (!needed)
        return NULL;
    int e =
        find_objects(r->connection->client, &lp_kube_pod_metrics, r->ns, r->selector, list, &err);
    json_array_foreach(list, k, sample)
    {
        const char *name = lp_json_str(sample, "metadata", "name", NULL);
        if (name)
            json_object_set(samples, name, sample);
    }
    if (e == 0)
        return lp_take(samples);
    if (!r->told && err.code != LP_E_CANCELED)
        fprintf(stderr,
                "kubectl lp: samples of CPU and memory cannot be read, Ready pods count as those "
                "that have one: %s\n",
                err.msg);
    r->told = true;
    return NULL;
}

static struct looks_moment moment_of(struct recording *r, const struct feed_item *item)
{
    struct looks_moment moment = { .at_ms = item->at_ms,
                                   .spec = item->spec,
                                   .spec_before = item->spec_before };
    json_auto_t *samples = read_samples(r);

    looks_pods_count(item->pods, samples, &r->looks.now, item->at_ms, &moment.pods);
    return moment;
}

/* The HPA was changed. */
static void take_change(struct recording *r, const struct feed_item *item)
{
    struct looks_moment moment = { .at_ms = item->at_ms };

    if (looks_is_look(&r->looks, item->hpa)) {
        moment = moment_of(r, item);
        r->has_due = false;
    }
    looks_changed(&r->looks, item->hpa, &moment, &r->out);
}

/* A look that has changed nothing is known as one half a period after it should have been. What was
 * there at its time is kept until then. */
static void take_nothing(struct recording *r, const struct feed_item *item)
{
    if (!r->has_due) {
        r->due = moment_of(r, item);
        r->has_due = true;
        return;
    }
    looks_unchanged(&r->looks, &r->due, &r->out);
    r->has_due = false;
}

/* When it is to be looked at what is there, or to be said that nothing has changed. */
static int64_t next_ms(const struct recording *r)
{
    int64_t step_ms = r->looks.step_ms, next = looks_next_ms(&r->looks);

    if (next == INT64_MAX)
        return next;
    return next + (r->has_due ? step_ms / 2 : step_ms / 20);
}

static void record(struct recording *r, const struct cli_options *o, struct lp_stop *stop)
{
    int64_t end_ms = lp_clock_wall_ms() + o->length_ms;

    while (flush(r) && !lp_stop_requested(stop) && lp_clock_wall_ms() < end_ms) {
        feed_auto_item struct feed_item item = { .hpa = NULL };
        int64_t until_ms = next_ms(r);
        feed_take(r->feed, until_ms < end_ms ? until_ms : end_ms, &item);
        if (item.gone)
            looks_gone(&r->looks);
        else if (item.hpa)
            take_change(r, &item);
        else if (item.at_ms >= until_ms)
            take_nothing(r, &item);
    }
    looks_end(&r->looks, lp_clock_wall_ms(), &r->out);
    (void)flush(r);
}

/* "a=b,c=d" of the Deployment's pods; the caller's. */
static int read_selector(struct recording *r, struct lp_error *err)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(MOST_BYTES);
    json_auto_t *deployment = NULL;
    const char *key;
    json_t *value;

    int e =
        lp_kube_get(r->connection->client, &lp_kube_deployments, r->ns, r->name, &deployment, err);
    if (e < 0)
        return lp_error_wrap(err, "Deployment %s", r->name);
    json_object_foreach(lp_json_at(deployment, "spec", "selector", "matchLabels", NULL), key, value)
    {
        const char *is = json_string_value(value);
        lp_buf_printf(&text, "%s%s=%s", text.len > 0 ? "," : "", key, is ? is : "");
    }
    r->selector = lp_buf_take(&text);
    return 0;
}

static enum service_id service_of(const char *name)
{
    unsigned id = 0;

    while (id < N_SERVICES - 1 && strcmp(service_kinds[id].name, name) != 0)
        id++;
    return (enum service_id)id;
}

static int32_t least_of(const json_t *platform, const char *service)
{
    struct platform_spec spec;
    struct lp_error ignored; /* the API server has it, and the HPA is its */

    int r = spec_decode(platform, &spec, &ignored);
    int64_t min = r < 0 ? 1 : spec.services[service_of(service)].autoscaling.min;
    return min > 1 ? (int32_t)min : 1;
}

static int start(struct recording *r, const json_t *platform, const struct cli_options *o,
                 struct lp_stop *stop, struct lp_error *err)
{
    feed_auto_item struct feed_item first = { .hpa = NULL };

    r->ns = lp_json_str(platform, "metadata", "namespace", NULL);
    r->name =
        lp_sprintf("%.200s-%.60s", lp_json_str(platform, "metadata", "name", NULL), o->service);
    int e = read_selector(r, err);
    if (e == 0)
        e = feed_start(r->connection->config, stop, r->ns, r->name, r->selector, &r->feed, err);
    if (e == 0)
        e = feed_wait(r->feed, LIST_MS, &first, err);
    if (e < 0)
        return e;
    e = looks_begin(&r->looks, o->service, least_of(platform, o->service), o->sync_ms, first.hpa,
                    &r->out, err);
    return e < 0 ? lp_error_wrap(err, "HorizontalPodAutoscaler %s", r->name) : 0;
}

static int finish(const struct recording *r, const struct cli_options *o, struct lp_error *err)
{
    if (r->looks.too_near)
        fprintf(stderr,
                "kubectl lp: two looks were nearer than half of --sync-period %.10g s: the "
                "controller has another, or was restarted\n",
                (double)o->sync_ms / 1000);
    if (r->looks.rows > 0)
        return 0;
    return lp_error_set(err, LP_E_INVALID,
                        "record: the status of HorizontalPodAutoscaler %s has not changed in that "
                        "time, so that it is not known when the controller looks",
                        r->name);
}

int looks_record(const struct connection *connection, const struct cli_options *options,
                 struct lp_stop *stop, struct lp_error *err)
{
    struct recording r = { .connection = connection, .out = LP_BUF_INIT(MOST_BYTES) };
    json_auto_t *found = NULL;

    int e = find_platforms(connection->client, options, connection->ns, &found, err);
    if (e == 0 && json_array_size(found) != 1)
        return lp_error_set(err, LP_E_INVALID,
                            "record: must be of one platform, %zu are in namespace %s: name one",
                            json_array_size(found), connection->ns);
    if (e == 0)
        e = start(&r, json_array_get(found, 0), options, stop, err);
    if (e == 0) {
        record(&r, options, stop);
        e = finish(&r, options, err);
    }
    lp_stop_request(stop);
    recording_done(&r);
    return e;
}
