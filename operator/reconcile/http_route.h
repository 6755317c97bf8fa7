/* operator/reconcile/http_route.h -- the HTTPRoute of the gateway: its kind is looked for only
 * where a platform asks for one, and its Gateways say whether they take it. */
#pragma once

#include "operator/reconcile/optional_kind.h"

/* Before the children of `plan` are looked at, as optional_kind_prepare; `status`: that is there,
 * or NULL. */
void http_route_prepare(struct reconcile_context *ctx, const json_t *status, struct plan *plan,
                        struct optional_kind *ret_route, struct notices *notices);

/* After them: what the Gateways say of it (GEP-1364). */
void http_route_notice(struct reconcile_context *ctx, const struct optional_kind *route,
                       const struct plan *plan, const struct observed *observed,
                       struct notices *notices);
