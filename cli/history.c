/* cli/history.c -- see the header. No state. */
#include "cli/history.h"

#include <inttypes.h>
#include <string.h>

#include "autoscaler/policy/ring.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "cli/find.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "platform/plan.h"

int history_read(struct lp_kube_client *client, const json_t *platform, json_t **ret_decisions,
                 struct lp_error *err)
{
    const char *ns = lp_json_str(platform, "metadata", "namespace", NULL);
    lp_auto_free char *name =
        lp_sprintf("%.253s-" RING_SUFFIX, lp_json_str(platform, "metadata", "name", NULL));
    json_auto_t *config_map = NULL;

    int r = lp_kube_get(client, &lp_kube_config_maps, ns, name, &config_map, err);
    if (r == 0 || r == LP_E_NOT_FOUND)
        r = ring_read(config_map, ret_decisions, err);
    return r < 0 ? lp_error_wrap(err, "ConfigMap %s", name) : 0;
}

static int64_t time_of(const json_t *decision)
{
    const char *time = lp_json_str(decision, "time", NULL);
    return time ? lp_clock_parse(time) : -1;
}

static bool is_of(const json_t *decision, const char *service)
{
    const char *of = lp_json_str(decision, "service", NULL);
    return of && strcmp(of, service) == 0;
}

/* What held when the time began: the last decision of each service before. */
static void add_held(const json_t *decisions, const char *service, int64_t since_ms, json_t *list)
{
    json_auto_t *held = json_object();
    json_t *decision;
    size_t i;

    json_array_foreach(decisions, i, decision)
    {
        const char *of = lp_json_str(decision, "service", NULL);
        int64_t time = time_of(decision);
        if (of && time >= 0 && time < since_ms && (!service || strcmp(of, service) == 0))
            json_object_set(held, of, decision);
    }
    json_array_foreach(decisions, i, decision)
    {
        const char *of = lp_json_str(decision, "service", NULL);
        if (of && json_object_get(held, of) == decision)
            json_array_append(list, decision);
    }
}

json_t *history_between(const json_t *decisions, const char *service, int64_t since_ms,
                        int64_t until_ms)
{
    json_t *list = json_array(), *decision;
    size_t i;

    add_held(decisions, service, since_ms, list);
    json_array_foreach(decisions, i, decision)
    {
        int64_t time = time_of(decision);
        if (time >= since_ms && time <= until_ms && (!service || is_of(decision, service)))
            json_array_append(list, decision);
    }
    return list;
}

static void candidate_text(const json_t *c, const json_t *winner, struct lp_buf *out)
{
    const char *kind = lp_json_str(c, "kind", NULL), *name = lp_json_str(c, "name", NULL);
    const char *value = lp_json_str(c, "value", NULL), *until = lp_json_str(c, "until", NULL);
    int64_t asks = lp_json_int(0, c, "asks", NULL);
    bool won = winner && json_equal(json_object_get(c, "kind"), json_object_get(winner, "kind")) &&
               json_equal(json_object_get(c, "name"), json_object_get(winner, "name"));

    lp_buf_printf(out, "      %s %s", kind ? kind : "?", name ? name : "?");
    if (value)
        lp_buf_printf(out, " %s, target %s", value, lp_json_str(c, "target", NULL));
    if (until)
        lp_buf_printf(out, ", until %s", until);
    if (asks > 0)
        lp_buf_printf(out, ": asks for %" PRId64 "%s", asks, won ? ", the most" : "");
    lp_buf_char(out, '\n');
}

void history_text(const json_t *decision, bool whole, struct lp_buf *out)
{
    const char *why = lp_json_str(decision, "why", NULL);
    const json_t *item;
    size_t i;

    lp_buf_printf(out, "    %.19sZ  %s  %s\n", lp_json_str(decision, "time", NULL),
                  lp_json_str(decision, "service", NULL), why ? why : "?");
    if (!whole)
        return;
    lp_buf_printf(out,
                  "      %" PRId64 " to %" PRId64 " pods, %" PRId64 " ready, of %" PRId64
                  " to %" PRId64 "\n",
                  lp_json_int(0, decision, "from", NULL), lp_json_int(0, decision, "to", NULL),
                  lp_json_int(0, decision, "ready", NULL), lp_json_int(0, decision, "min", NULL),
                  lp_json_int(0, decision, "max", NULL));
    json_array_foreach(json_object_get(decision, "candidates"), i, item)
        candidate_text(item, json_object_get(decision, "winner"), out);
    json_array_foreach(json_object_get(decision, "limits"), i, item)
        lp_buf_printf(out, "      limited by: %s\n", json_string_value(item));
}

static void platform_text(const json_t *row, bool whole, struct lp_buf *out)
{
    const json_t *decisions = json_object_get(row, "decisions"), *decision;
    size_t i;

    lp_buf_printf(out, "%s/%s\n", lp_json_str(row, "namespace", NULL),
                  lp_json_str(row, "name", NULL));
    if (json_array_size(decisions) == 0)
        lp_buf_str(out, "    no decision is kept of that time\n");
    json_array_foreach(decisions, i, decision) history_text(decision, whole, out);
}

/* {"namespace", "name", "decisions"}; the caller's. */
static int add_platform(struct lp_kube_client *client, const json_t *platform,
                        const struct cli_options *o, json_t *rows, struct lp_error *err)
{
    int64_t now = lp_clock_wall_ms();
    json_auto_t *all = NULL;

    int r = history_read(client, platform, &all, err);
    if (r < 0)
        return r;
    /* What held at a moment is what is the last before the one after. */
    json_t *decisions = o->at ? history_between(all, o->service, o->at_ms + 1, 0)
                              : history_between(all, o->service, now - o->since_ms, now);
    json_array_append_new(rows, lp_json_make("{s:O?, s:O?, s:o}", "namespace",
                                             lp_json_at(platform, "metadata", "namespace", NULL),
                                             "name", lp_json_at(platform, "metadata", "name", NULL),
                                             "decisions", decisions));
    return 0;
}

int history_platforms(struct lp_kube_client *client, const struct cli_options *options,
                      const char *ns, struct lp_buf *out, struct lp_error *err)
{
    json_auto_t *found = NULL, *rows = json_array();
    const json_t *item;
    size_t i;

    int r = find_platforms(client, options, ns, &found, err);
    if (r == 0)
        r = find_service(found, options->service, err);
    json_array_foreach(found, i, item)
    {
        if (r == 0)
            r = add_platform(client, item, options, rows, err);
    }
    if (r < 0)
        return r;
    if (options->format == CLI_JSON) {
        json_auto_t *whole = lp_json_make("{s:O}", "platforms", rows);
        lp_json_write_unsorted(whole, out);
        lp_buf_char(out, '\n');
        return 0;
    }
    if (json_array_size(rows) == 0)
        lp_buf_str(out, "No LearningPlatform found; -A looks in all namespaces.\n");
    json_array_foreach(rows, i, item) platform_text(item, options->at != NULL, out);
    return 0;
}
