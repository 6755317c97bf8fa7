/* autoscaler/registration/availability.h -- whether requests reach us: at our own port, and by the
 * aggregator's word.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "autoscaler/registration/registration.h"

/* Opaque: hides a lock. */
struct availability;
struct availability *availability_new(void);
void availability_free(struct availability *r); /* NULL is fine */

/* Asks ourselves at "address:port" and notes whether an answer came, at most 5 s. Upkeep's thread.
 */
void availability_probe(struct availability *r, const char *address, uint16_t port,
                        struct lp_stop *stop);
/* Reads the APIServices and notes what the aggregator says of them. Upkeep's thread. */
LP_MUST_USE int availability_read(struct availability *r, struct lp_kube_client *c,
                                  const struct registration *g, struct lp_error *err);
/* What availability_read does with one answer: `why` NULL for available; at `now_ms`. */
void availability_note(struct availability *r, const char *why, int64_t now_ms);

/* False where our HTTPS server has not answered us for two minutes: a restart repairs that. */
bool availability_serves(struct availability *r, int64_t now_ms, char why[128]);

/*
 * False where an APIService of ours has not been Available for a minute, and not for want of ready
 * replicas: that would follow from an answer of no, and never end. `why` is the aggregator's.
 */
bool availability_aggregated(struct availability *r, int64_t now_ms, char why[128]);
