/* autoscaler/informers/loss_events.h -- Events on Deployments whose metrics are lost, and are back.
 */
#pragma once

#include "autoscaler/samples/samples.h"
#include "base/error.h"
#include "base/stop.h"
#include "kube/config.h"

struct loss_events; /* one thread */

/* `samples`, `kube` and `stop` are borrowed until loss_events_join. */
LP_MUST_USE int loss_events_start(struct samples *samples, struct lp_kube_config *kube,
                                  struct lp_stop *stop, struct loss_events **ret_events,
                                  struct lp_error *err);

/* After the stop was requested. NULL is fine. */
void loss_events_join(struct loss_events *l);
