/* cli/record.c -- see the header. No state. */
#include "cli/record.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "autoscaler/policy/ring.h"
#include "base/clock.h"
#include "base/limits.h"
#include "cli/find.h"
#include "cli/history.h"
#include "cli/trace.h"
#include "json/json.h"
#include "platform/plan.h"

static const enum trace_column columns[] = {
    TRACE_ARRIVAL_RATE, TRACE_SERVICE_TIME, TRACE_REQUEST_CPU,
    TRACE_MEMORY,       TRACE_SEEN_QUEUE,   TRACE_SEEN_REPLICAS,
};

/* What is known of a service, by the unit of its column; NAN: nothing. */
struct known {
    bool any;
    double values[TRACE_COLUMNS];
};

static double number_of(const json_t *o, const char *key)
{
    const json_t *value = json_object_get(o, key);
    return json_is_number(value) && json_number_value(value) >= 0 ? json_number_value(value) : NAN;
}

/* Where nobody came the time and the CPU of a request are what they were. */
static void take(struct known *k, const json_t *decision)
{
    const json_t *load = json_object_get(decision, "load");
    double rate = number_of(load, "arrivalRate"), time = number_of(load, "serviceTime");
    double cpu = number_of(load, "cpu"), before = k->any ? k->values[TRACE_SERVICE_TIME] : NAN;
    double request_cpu = k->any ? k->values[TRACE_REQUEST_CPU] : NAN;
    bool known = !isnan(rate) && !isnan(time);

    if (known && time <= 0)
        time = isnan(before) ? 0.001 : before;
    known = known && (rate == 0 || number_of(load, "serviceTime") > 0 || !isnan(before));
    k->any = true;
    k->values[TRACE_ARRIVAL_RATE] = known ? rate : NAN;
    k->values[TRACE_SERVICE_TIME] = known ? fmax(time, 0.001) : NAN;
    k->values[TRACE_REQUEST_CPU] = known && rate > 0 ? cpu / rate * 1000 : request_cpu;
    k->values[TRACE_MEMORY] = number_of(load, "memory");
    k->values[TRACE_SEEN_QUEUE] = number_of(load, "queueDepth");
    k->values[TRACE_SEEN_REPLICAS] = number_of(decision, "to");
}

static int service_of(const json_t *decision, const char *only)
{
    const char *name = lp_json_str(decision, "service", NULL);

    for (int id = 0; name && id < N_SERVICES; id++)
        if (strcmp(name, service_kinds[id].name) == 0 && (!only || strcmp(only, name) == 0))
            return id;
    return -1;
}

static void write_header(const bool of[N_SERVICES], struct lp_buf *out)
{
    lp_buf_str(out, "time");
    for (int id = 0; id < N_SERVICES; id++)
        for (size_t i = 0; of[id] && i < sizeof columns / sizeof *columns; i++)
            lp_buf_printf(out, ",%s.%s", service_kinds[id].name, trace_columns[columns[i]]);
    lp_buf_char(out, '\n');
}

static void write_row(int64_t at_ms, const bool of[N_SERVICES], const struct known *known,
                      struct lp_buf *out)
{
    lp_buf_printf(out, "%" PRId64 ".%03d", at_ms / 1000, (int)(at_ms % 1000));
    for (int id = 0; id < N_SERVICES; id++) {
        for (size_t i = 0; of[id] && i < sizeof columns / sizeof *columns; i++) {
            double value = known[id].any ? known[id].values[columns[i]] : NAN;
            lp_buf_char(out, ',');
            if (!isnan(value))
                lp_buf_printf(out, "%.3f", value);
        }
    }
    lp_buf_char(out, '\n');
}

size_t record_csv(const json_t *decisions, const char *service, struct lp_buf *out)
{
    struct known known[N_SERVICES] = { { .any = false } };
    bool of[N_SERVICES] = { false };
    const json_t *decision;
    int64_t last_ms = -1;
    size_t i, rows = 0;

    json_array_foreach(decisions, i, decision)
    {
        int id = service_of(decision, service);
        if (id >= 0)
            of[id] = true;
    }
    write_header(of, out);
    json_array_foreach(decisions, i, decision)
    {
        int id = service_of(decision, service);
        const char *time = lp_json_str(decision, "time", NULL);
        int64_t at_ms = id >= 0 && time ? lp_clock_parse(time) : -1;
        if (at_ms < 0)
            continue;
        /* Decisions of one reconcile have one row: the one that is complete. */
        if (last_ms >= 0 && at_ms > last_ms) {
            write_row(last_ms, of, known, out);
            rows++;
        }
        take(&known[id], decision);
        last_ms = at_ms > last_ms ? at_ms : last_ms;
    }
    if (last_ms >= 0)
        write_row(last_ms, of, known, out);
    return rows + (last_ms >= 0);
}

int record_platform(struct lp_kube_client *client, const struct cli_options *options,
                    const char *ns, struct lp_buf *out, struct lp_error *err)
{
    json_auto_t *found = NULL, *all = NULL;
    int64_t now = lp_clock_wall_ms();
    int64_t since = options->since_ms > 0 ? now - options->since_ms : now - RING_DAY_MS;

    int r = find_platforms(client, options, ns, &found, err);
    if (r == 0 && json_array_size(found) != 1)
        return lp_error_set(err, LP_E_INVALID,
                            "record: must be of one platform, %zu are in namespace %s: name one",
                            json_array_size(found), ns);
    if (r == 0)
        r = find_service(found, options->service, err);
    if (r == 0)
        r = history_read(client, json_array_get(found, 0), &all, err);
    if (r < 0)
        return r;
    json_auto_t *decisions = history_between(all, options->service, since, now);
    lp_buf_printf(out, "# decisions of platform %s, for kubectl lp simulate --trace\n",
                  lp_json_str(json_array_get(found, 0), "metadata", "name", NULL));
    if (record_csv(decisions, options->service, out) < 2)
        return lp_error_set(err, LP_E_INVALID,
                            "record: must have decisions of two moments or more, of the last "
                            "%" PRId64 " s are %zu kept",
                            (now - since) / 1000, json_array_size(decisions));
    return 0;
}
