/* cli/slo_now.c -- how fast error budgets are spent now, by the custom metrics API, which knows the
 * last 30 s alone. No state. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/slo_parts.h"
#include "http/url.h"
#include "json/json.h"
#include "kube/quantity.h"

static json_t *json_of(double number)
{
    return isfinite(number) ? json_real(number) : json_null();
}

/* {"english-gateway": 1.5} of the namespace; NULL and a sentence in `missing` where it cannot be
 * read. The caller's. */
static json_t *read_metric(struct lp_kube_client *client, const char *ns, const char *metric,
                           json_t *missing)
{
    lp_auto_buf struct lp_buf path = LP_BUF_INIT(2048);
    json_auto_t *list = NULL;
    json_t *values, *item;
    struct lp_error err;
    size_t i;

    lp_buf_str(&path, "/apis/custom.metrics.k8s.io/v1beta2/namespaces");
    lp_url_segment(&path, ns);
    lp_buf_printf(&path, "/services/*/%s", metric);
    if (lp_kube_raw(client, path.ptr, &list, &err) < 0) {
        lp_auto_free char *why = lp_sprintf("%s: %s", metric, err.msg);
        json_array_append_new(missing, lp_json_text(why));
        return NULL;
    }
    values = json_object();
    json_array_foreach(json_object_get(list, "items"), i, item)
    {
        const char *name = lp_json_str(item, "describedObject", "name", NULL);
        const char *text = lp_json_str(item, "value", NULL);
        int64_t milli = 0;
        if (name && text && lp_quantity_parse(text, &milli, &err) == 0)
            json_object_set_new(values, name, json_real((double)milli / 1000));
    }
    return values;
}

/* NaN where it is not known. */
static double value_of(const json_t *values, const char *platform, const char *service)
{
    lp_auto_free char *name = lp_sprintf("%s-%s", platform, service);
    const json_t *value = json_object_get(values, name);

    return json_is_real(value) ? json_real_value(value) : (double)NAN;
}

/* Of which services the answers of now are errors. */
static void add_spenders(const json_t *platform, const char *name, const json_t *errors,
                         json_t *list)
{
    const json_t *service;
    size_t i;

    json_array_foreach(lp_json_at(platform, "status", "services", NULL), i, service)
    {
        const char *of = lp_json_str(service, "name", NULL);
        double rate = of ? value_of(errors, name, of) : 0;
        if (of && rate > 0 && strcmp(of, "gateway") != 0)
            json_array_append_new(list, lp_json_make("{s:s, s:s, s:f}", "objective",
                                                     slo_objectives[SLO_AVAILABILITY], "service",
                                                     of, "errorsPerSecond", rate));
    }
}

static json_t *objective_of(const struct alert_goals *goals, enum slo_objective o, json_t *burn)
{
    return lp_json_make("{s:s, s:f, s:n, s:{s:o}}", "objective", slo_objectives[o], "allowed",
                        slo_allowed(goals, o), "budgetLeft", "burn", "now", burn);
}

void slo_by_metrics_api(struct lp_kube_client *client, const struct alert_goals *goals,
                        const json_t *platform, json_t *row)
{
    const char *ns = lp_json_str(platform, "metadata", "namespace", NULL);
    const char *name = lp_json_str(platform, "metadata", "name", NULL);
    json_t *missing = json_object_get(row, "missing"), *list = json_object_get(row, "objectives");
    json_auto_t *arrivals = read_metric(client, ns, "arrival_rate", missing);
    json_auto_t *unasked = json_array(); /* nobody asked: there is no latency to be known */
    double rate = value_of(arrivals, name, "gateway");
    json_t *lacking = rate <= 0 ? unasked : missing;
    json_auto_t *errors = read_metric(client, ns, "error_rate", lacking);
    json_auto_t *latency = read_metric(client, ns, "p95_latency_ms", lacking);
    double share = value_of(errors, name, "gateway") / rate;
    double p95 = value_of(latency, name, "gateway");
    bool asked = rate > 0;
    if (arrivals && !isfinite(rate)) {
        lp_auto_free char *why =
            lp_sprintf("arrival_rate: the metrics API has none of %s-gateway", name);
        json_array_append_new(missing, lp_json_text(why));
    }
    double burn = asked && isfinite(share) ? share / slo_allowed(goals, SLO_AVAILABILITY) : NAN;

    json_array_append_new(list, objective_of(goals, SLO_AVAILABILITY, json_of(burn)));
    /* Of p95 alone no share follows, but whether it is over the 5 % that may be slow. */
    json_t *slow = objective_of(goals, SLO_LATENCY, json_null());
    json_array_append_new(list, slow);
    json_object_set_new(slow, "p95Ms", json_of(asked ? p95 : (double)NAN));
    json_object_set_new(row, "requestsPerSecond", json_of(rate));
    add_spenders(platform, name, errors, json_object_get(row, "spentBy"));
}
