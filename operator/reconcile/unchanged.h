/* operator/reconcile/unchanged.h -- a pass over a platform of which nothing changed since a pass
 * that found all of it as it should be has nothing to compare. */
#pragma once

#include "operator/reconcile/apply.h"

/*
 * Before a pass compares anything: takes down what the pass goes by, all but the children. True
 * where that and the resourceVersions of all children are those of the last pass in which all was
 * well (nothing written, nothing waited for), and no time that counts has come since. `status` is
 * the one that is there.
 */
bool unchanged_since(struct reconcile_context *ctx, const json_t *status);

/* At the end of a pass, with what it compared: remembers it where all was well. */
void unchanged_remember(struct reconcile_context *ctx, const struct plan *plan,
                        const struct observed *observed);
