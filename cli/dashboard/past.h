/* cli/dashboard/past.h -- what was seen of each service since the dashboard began. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define PAST_POINTS 600 /* of a service: when they are full, every other of the older half goes */
/* Then one that is gone makes room, and for a service that a tab looks at any that no tab looks at;
 * of the others nothing is kept. */
#define PAST_SERVICES 1000

/* Opaque: hides a lock. Any thread. */
struct past;

struct past *past_new(void);
void past_free(struct past *p);

/* `service`: an object of the overview, whose numbers count; what is no number is not known. `key`:
 * "<namespace>/<platform>/<service>". `at_ms`: lp_clock_ms(), which nobody sets, the same for all
 * of one look. `watched`: a tab looks at its platform. */
void past_add(struct past *p, const char *key, int64_t at_ms, bool watched, const json_t *service);

/* Appends what is kept of a platform ("<namespace>/<name>") as JSON: {"<service>": {"time":
 * [seconds since 1970], "<name>": [number or null]}}. `shift_ms`: how far the wall clock is before
 * lp_clock_ms() now; so all of the past moves with a wall clock that is set, and stays in order. */
void past_write(struct past *p, const char *platform, int64_t shift_ms, struct lp_buf *out);
