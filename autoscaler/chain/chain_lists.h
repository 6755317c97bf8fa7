/* autoscaler/chain/chain_lists.h -- what another adapter lists of its metrics, in our discovery
 * documents. */
#pragma once

#include <jansson.h>

#include "autoscaler/base/group.h"

struct chain_lists; /* opaque: hides a lock */
struct chain_lists *chain_lists_new(void);
void chain_lists_free(struct chain_lists *l); /* NULL is fine */

/* What a request for the APIResourceList of this version gave: its resources, copied, or NULL and
 * why not. Any thread. */
void chain_lists_arrive(struct chain_lists *l, enum metrics_version v, const json_t *resources,
                        const char *why);

/* Puts what arrived into the documents of discovery.h. A list that cannot be read anew stays for an
 * hour. One thread, so that an older list never follows a newer one. */
void chain_lists_show(struct chain_lists *l);

/* Nobody is asked any more: our own metrics alone. The thread of _show. */
void chain_lists_forget(struct chain_lists *l);
