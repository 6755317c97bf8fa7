/* autoscaler/losses.h -- Events on Deployments whose metrics are lost, and are back. */
#pragma once

#include "autoscaler/samples/samples.h"
#include "base/error.h"
#include "base/stop.h"
#include "kube/config.h"

struct losses; /* one thread */

/* `samples`, `kube` and `stop` are borrowed until losses_join. */
LP_MUST_USE int losses_start(struct samples *samples, struct lp_kube_config *kube,
                             struct lp_stop *stop, struct losses **ret_losses,
                             struct lp_error *err);

/* After the stop was requested. NULL is fine. */
void losses_join(struct losses *l);
