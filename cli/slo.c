/* cli/slo.c -- see the header. A row is put together as JSON, of which slo_text.c makes the table.
 * No state. */
#include "cli/slo.h"

#include <string.h>

#include "base/alloc.h"
#include "cli/find.h"
#include "cli/slo_parts.h"
#include "json/json.h"
#include "platform/spec_decode.h"

const char *const slo_objectives[N_SLO_OBJECTIVES] = {
    [SLO_AVAILABILITY] = "availability", [SLO_LATENCY] = "latency"
};

double slo_allowed(const struct alert_goals *goals, enum slo_objective objective)
{
    return objective == SLO_AVAILABILITY ? (double)goals->errors / 100000 : 0.05;
}

static bool is_used_up(const json_t *row)
{
    const json_t *objective;
    size_t i;

    json_array_foreach(json_object_get(row, "objectives"), i, objective)
    {
        const json_t *left = json_object_get(objective, "budgetLeft");
        if (json_is_real(left) && json_real_value(left) < 0)
            return true;
    }
    return false;
}

/* The goals as the alerts have them. One whose spec is wrong has the goals that are read. */
static json_t *start_row(const json_t *platform, const char *source, struct alert_goals *ret_goals)
{
    json_t *slo = lp_json_at(platform, "spec", "monitoring", "slo", NULL);
    json_t *missing = json_array();
    struct platform_spec spec;
    struct lp_error err;

    int r = spec_decode(platform, &spec, &err);
    if (r < 0) {
        spec.monitoring = (struct monitoring_spec){ .owners = NULL };
        lp_auto_free char *why = lp_sprintf("the goals are the defaults: %s", err.msg);
        json_array_append_new(missing, lp_json_text(why));
    }
    *ret_goals = alert_goals_of(&spec.monitoring);
    return lp_json_make("{s:O?, s:O?, s:s, s:b, s:{s:f, s:I}, s:[], s:[], s:o}", "namespace",
                        lp_json_at(platform, "metadata", "namespace", NULL), "name",
                        lp_json_at(platform, "metadata", "name", NULL), "source", source,
                        "defaultGoals", r < 0 || !slo, "goals", "availabilityPercent",
                        100 - 100 * slo_allowed(ret_goals, SLO_AVAILABILITY), "latencyP95Ms",
                        (json_int_t)ret_goals->latency_ms, "objectives", "spentBy", "missing",
                        missing);
}

static int add_row(struct lp_kube_client *client, const struct slo_source *source,
                   const json_t *platform, json_t *rows, struct lp_error *err)
{
    const char *ns = lp_json_str(platform, "metadata", "namespace", NULL);
    const char *name = lp_json_str(platform, "metadata", "name", NULL);
    struct alert_goals goals;
    int r = 0;

    if (!ns || !name)
        return 0;
    json_t *row = start_row(platform, source->http ? "prometheus" : "metricsApi", &goals);
    json_array_append_new(rows, row);
    if (source->http)
        r = slo_by_prometheus(source, &goals, ns, name, row, err);
    else
        slo_by_metrics_api(client, &goals, platform, row);
    return r;
}

static void write_rows(const json_t *rows, enum cli_format format, struct lp_buf *out)
{
    json_t *row;
    size_t i;

    if (format == CLI_JSON) {
        json_auto_t *whole = lp_json_make("{s:O}", "platforms", rows);
        lp_json_write_unsorted(whole, out);
        lp_buf_char(out, '\n');
        return;
    }
    if (json_array_size(rows) == 0)
        lp_buf_str(out, "No LearningPlatform found; -A looks in all namespaces.\n");
    json_array_foreach((json_t *)rows, i, row) slo_text(row, out);
}

int slo_platforms(struct lp_kube_client *client, const struct cli_options *options, const char *ns,
                  struct lp_stop *stop, struct lp_buf *out, bool *ret_used_up, struct lp_error *err)
{
    const struct lp_http_client_options http = { .total_timeout_ms = options->request_timeout_ms,
                                                 .user_agent = "kubectl-lp/" LP_VERSION,
                                                 .stop = stop };
    lp_auto_http_client struct lp_http_client *asker = NULL;
    json_auto_t *found = NULL, *rows = json_array();
    struct slo_source source = { .url = options->prometheus };
    json_t *item;
    size_t i;

    int r = find_platforms(client, options, ns, &found, err);
    if (r == 0 && options->prometheus)
        r = lp_http_client_new(&http, &asker, err);
    source.http = asker;
    json_array_foreach(found, i, item)
    {
        if (r == 0)
            r = add_row(client, &source, item, rows, err);
    }
    if (r < 0)
        return r;
    *ret_used_up = false;
    json_array_foreach(rows, i, item) *ret_used_up = *ret_used_up || is_used_up(item);
    write_rows(rows, options->format, out);
    return 0;
}
