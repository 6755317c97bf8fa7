/* cli/operators.h -- the operators of the cluster, by their Deployments, and which of them carries
 * a platform out. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "cli/options.h"
#include "kube/client.h"
#include "platform/plan.h"

/*
 * Deployments with the label app.kubernetes.io/name=lp-operator, an array; owned. Of every
 * namespace, or, for who may not list these, of `ns` and learning-platform-system. Without any
 * `why` tells what was asked for and what the API server said.
 */
struct operators {
    json_t *deployments;
    struct lp_error why;
};
void operators_find(struct lp_kube_client *client, const char *ns, struct operators *ret);
void operators_done(struct operators *o);
#define operators_auto __attribute__((cleanup(operators_done)))

/* Whether the operator takes the platform, by WATCH_NAMESPACES, SELECTOR and CLASS of its
 * environment or by its flags. */
bool operators_takes(const json_t *deployment, const json_t *platform);

/* The one that carries the platform out, borrowed; where several would, the first that has pods.
 * NULL: none that is known. */
const json_t *operators_of(const struct operators *o, const json_t *platform);

/* What it was given for CLASS, WATCH_NAMESPACES, SELECTOR or METRICS_API, "" where nothing;
 * borrowed.
 */
const char *operators_setting(const json_t *deployment, const char *variable);

/* One line: "learning/lp-operator: CLASS canary, WATCH_NAMESPACES a,b, METRICS_API None". What is
 * not set is left out. */
void operators_text(const json_t *deployment, struct lp_buf *out);

/*
 * What this operator gives its platforms: images, and whether a metrics API leads to it; over it
 * the variables of kubectl lp's own environment. NULL: the defaults of this version. Strings are
 * borrowed from both.
 */
void operators_images(const json_t *deployment, const struct cli_options *options,
                      struct plan_images *ret_images);
