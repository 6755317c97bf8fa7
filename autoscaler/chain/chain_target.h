/* autoscaler/chain/chain_target.h -- a backend in use: requests under way hold it while another
 * takes its place. */
#pragma once

#include <stdatomic.h>

#include "autoscaler/chain/chain_backend.h"

/* Never changed. */
struct chain_target {
    atomic_uint refs;
    struct chain_backend backend;
};

struct chain_target *chain_target_new(const struct chain_backend *b); /* copied; one reference */
struct chain_target *chain_target_ref(struct chain_target *t);
void chain_target_unref(struct chain_target *t); /* NULL is fine */
bool chain_target_is(const struct chain_target *t, const struct chain_backend *b);
