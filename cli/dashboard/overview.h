/* cli/dashboard/overview.h -- all platforms as the page's overview has them. */
#pragma once

#include <jansson.h>

#include "cli/dashboard/past.h"
#include "cli/options.h"
#include "kube/client.h"

#define OVERVIEW_PLATFORMS 500
#define OVERVIEW_NAMESPACES 10 /* whose metrics are asked for in one look; the others' next */

struct overview {
    struct lp_kube_client *client;
    const struct cli_options *options;
    const char *ns;    /* where the options do not ask for all namespaces */
    struct past *past; /* what is seen is added to it */
    json_t *looked_at; /* {"<namespace>": {"<name>": true}} of platforms whose metrics each look
                          asks for, and whose past has a place; NULL: none; borrowed */
    unsigned next;     /* namespace whose metrics are asked for first; 0 at first */
    json_t *metrics;   /* {"<namespace>": what was seen of it last}; owned */
    json_t *unread;    /* {"<namespace>": why its metrics could not be read last}; owned */
    json_t *platforms; /* as the API server has them, of the last look that it answered; owned */
};

void overview_done(struct overview *o);

/*
 * One look at `wall_ms`, which is `clock_ms` by lp_clock_ms(): {"time": wall_ms, "shift": how far
 * the one is before the other, which changes where the wall clock is set, "every": milliseconds
 * between two looks, as the options have it, "where": {"namespace", "name"} that alone is looked
 * at, null: all, "platforms":
 * [{"namespace", "name", "phase", "ready", "message", "services": [{"name", "ready", "desired",
 * "min", "max", "queue", "rate", "demand", "p50", "p95", "p99", "errors", "circuits": gateway
 * workers that leave it alone, "why", "paused",
 * "idle": "ScaledToZero" or "Replicas", why it may have no pod; not there: it shall have some}]}
 * ], "missing": [{"what", "why"}]}, the caller's. What could not be read
 * is null and stands in `missing`, in words that are the same at each look; where the platforms
 * themselves could not, "error" says why. Never fails.
 */
json_t *overview_look(struct overview *o, int64_t wall_ms, int64_t clock_ms);

/* Adds to a list of {"what", "why"} what is not in it. */
void overview_missing(json_t *missing, const char *what, const char *why);
