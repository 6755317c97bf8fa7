/* cli/dashboard/detail.c -- see the header. No state. */
#include "cli/dashboard/detail.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/about.h"
#include "cli/dashboard/overview.h"
#include "cli/history.h"
#include "json/json.h"
#include "kube/kinds.h"

#define MOST_EVENTS 4000 /* of the namespace that are looked at */

struct events {
    const struct about *about;
    size_t looked_at;
    json_t *list; /* owned by the caller */
};

/* When it was last seen, in whatever way its writer says that. */
static const char *time_of(const json_t *event)
{
    const char *series = lp_json_str(event, "series", "lastObservedTime", NULL);
    const char *last = lp_json_str(event, "deprecatedLastTimestamp", NULL);
    const char *time = lp_json_str(event, "eventTime", NULL);

    return series ? series : last ? last : time ? time : "";
}

static int take_event(json_t *event, void *user, struct lp_error *err)
{
    struct events *e = user;
    const json_t *regarding = json_object_get(event, "regarding");

    if (++e->looked_at > MOST_EVENTS)
        return lp_error_set(err, LP_E_TOO_LARGE, "the namespace has over %d Events", MOST_EVENTS);
    if (!about_has(e->about, regarding))
        return 0;
    json_array_append_new(e->list,
                          lp_json_make("{s:s, s:s*, s:s*, s:s*, s:s*, s:s*}", "time",
                                       time_of(event), "type", lp_json_str(event, "type", NULL),
                                       "reason", lp_json_str(event, "reason", NULL), "note",
                                       lp_json_str(event, "note", NULL), "about",
                                       lp_json_str(regarding, "name", NULL), "kind",
                                       lp_json_str(regarding, "kind", NULL)));
    return 0;
}

struct event {
    json_t *of;
};

static int by_time(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    const char *left = lp_json_str(x->of, "time", NULL), *right = lp_json_str(y->of, "time", NULL);

    return strcmp(right ? right : "", left ? left : "");
}

/* The newest first. */
static json_t *newest(const json_t *list, size_t most)
{
    size_t n = json_array_size(list), i;
    struct event *items = lp_alloc((n + 1) * sizeof *items);
    json_t *sorted = json_array(), *item;

    json_array_foreach((json_t *)list, i, item) items[i].of = item;
    qsort(items, n, sizeof *items, by_time);
    for (i = 0; i < n && i < most; i++)
        json_array_append(sorted, items[i].of);
    free(items);
    return sorted;
}

static json_t *events_of(struct lp_kube_client *client, const char *ns, const json_t *platform,
                         json_t *missing)
{
    json_auto_t *list = json_array();
    struct about *about = about_new(platform);
    struct events events = { .about = about, .list = list };
    const struct lp_kube_list_options options = { .label_selector = NULL };
    struct lp_error err;
    char version[64];

    if (lp_kube_list(client, &lp_kube_events, ns, &options, take_event, &events, version, &err) < 0)
        overview_missing(missing, "Events", err.msg);
    about_free(about);
    return newest(list, DETAIL_EVENTS);
}

static json_t *decisions_of(struct lp_kube_client *client, const json_t *platform, json_t *missing)
{
    json_t *decisions = NULL;
    struct lp_error err;

    if (history_read(client, platform, &decisions, &err) < 0) {
        overview_missing(missing, "decisions", err.msg);
        return json_array();
    }
    while (json_array_size(decisions) > DETAIL_DECISIONS)
        json_array_remove(decisions, 0);
    return decisions;
}

json_t *detail_read(struct lp_kube_client *client, const json_t *platform)
{
    const char *ns = lp_json_str(platform, "metadata", "namespace", NULL);
    const char *name = lp_json_str(platform, "metadata", "name", NULL);
    json_t *missing = json_array();

    return lp_json_make("{s:s*, s:s*, s:O?, s:O?, s:o, s:o, s:O?, s:O?, s:o}", "namespace", ns,
                        "name", name, "conditions",
                        lp_json_at(platform, "status", "conditions", NULL), "schedules",
                        lp_json_at(platform, "status", "activations", NULL), "decisions",
                        decisions_of(client, platform, missing), "events",
                        events_of(client, ns ? ns : "", platform, missing), "spec",
                        json_object_get(platform, "spec"), "status",
                        json_object_get(platform, "status"), "missing", missing);
}

json_t *detail_gone(const char *key)
{
    const char *slash = strchr(key, '/');
    json_auto_t *ns = lp_json_textn(key, slash ? (size_t)(slash - key) : 0);

    return lp_json_make("{s:O, s:s, s:b, s:[], s:[], s:[]}", "namespace", ns, "name",
                        slash ? slash + 1 : key, "gone", true, "decisions", "events", "missing");
}
