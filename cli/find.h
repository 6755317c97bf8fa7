/* cli/find.h -- the platforms that the options choose. */
#pragma once

#include <jansson.h>

#include "cli/options.h"
#include "kube/client.h"

/* options->name in `ns`, or all of `ns`, or with -A of every namespace; the caller owns the array.
 * A name that is not there is LP_E_NOT_FOUND. */
LP_MUST_USE int find_platforms(struct lp_kube_client *client, const struct cli_options *options,
                               const char *ns, json_t **ret_platforms, struct lp_error *err);

/* Of what the API server has of one kind in `ns` with a label selector (NULL: all), appended to
 * `list`. */
LP_MUST_USE int find_objects(struct lp_kube_client *client, const struct lp_kube_kind *kind,
                             const char *ns, const char *selector, json_t *list,
                             struct lp_error *err);

/* LP_E_NOT_FOUND where none of `platforms` has a service of that name in its status. `service`
 * NULL: it is not asked for. */
LP_MUST_USE int find_service(const json_t *platforms, const char *service, struct lp_error *err);
