/* cli/install.h -- `kubectl lp install`: the objects of an operator, from the manifests that are
 * part of the program. */
#pragma once

#include "base/buf.h"
#include "cli/options.h"

/*
 * Appends YAML. `generate`: an operator for all namespaces with the definition (as
 * config/install.yaml), or for those of --watch-namespaces alone, without anything outside of
 * them (as config/install-namespaced.yaml). `definition`: what an administrator applies once for
 * the latter, the definition and the roles of users. LP_E_INVALID names option, value and what is
 * wanted.
 */
LP_MUST_USE int install_write(const struct cli_options *options, struct lp_buf *out,
                              struct lp_error *err);
