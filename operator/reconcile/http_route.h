/* operator/reconcile/http_route.h -- the HTTPRoute of the gateway: its kind is looked for only
 * where a platform asks for one, and its Gateways say whether they take it. */
#pragma once

#include "operator/state/context.h"
#include "operator/status/notices.h"

/*
 * Before the children of `plan` are looked at. Where the spec asks for an HTTPRoute, or `status`
 * (that is there, or NULL) says that it did, the kind is watched from now on. While that cannot be,
 * the child is left alone, as one that is paused, the condition says what to do, and the platform
 * is looked at again. 0: the cache knows of the HTTPRoute, or none is asked for and none was.
 */
int http_route_prepare(struct reconcile_context *ctx, const json_t *status, struct plan *plan,
                       struct notices *notices);

/* After them, where http_route_prepare gave 0: what the Gateways say of it (GEP-1364). */
void http_route_notice(struct reconcile_context *ctx, const struct plan *plan,
                       const struct observed *observed, struct notices *notices);
