/* cli/three_way.h -- what `kubectl apply` would send for an object that is there. Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

/* True where kubectl would go on with server-side apply: its field manager "kubectl" has an entry
 * of operation Apply, and there is no annotation of client-side apply. */
bool three_way_by_server(const json_t *live);

/*
 * The RFC 7386 patch of client-side apply (apimachinery, util/jsonmergepatch): what `wanted` has
 * and `live` has otherwise or not at all, and null for what the annotation
 * kubectl.kubernetes.io/last-applied-configuration has and `wanted` has no more. Fields that others
 * set stay. The caller's. LP_E_INVALID where the annotation holds no JSON object.
 */
LP_MUST_USE int three_way_patch(const json_t *live, const json_t *wanted, json_t **ret_patch,
                                struct lp_error *err);
