/* services/auth/learners/peer.h -- the service that holds a learner's activities, asked by ours. */
#pragma once

#include <jansson.h>

#include "base/error.h"

/* Who may be asked. Immutable; any thread. */
struct peer;

#define PEER_MAX_ANSWER ((size_t)8 << 20) /* bytes of an export */

/* `url`: PROGRESS_SERVICE_URL, "": there is none; `key`: SERVICE_TOKEN_KEY, "": calls carry no
 * token (ACCESS=Any there). `url` is borrowed. LP_E_INVALID: a key that is none. */
LP_MUST_USE int peer_new(const char *url, const char *key, struct peer **ret_peer,
                         struct lp_error *err);
void peer_free(struct peer *p);

/* Everything of a learner there, the caller's; null where there is no such service. At most 20 s.
 * LP_E_UNAVAILABLE, LP_E_TIMEOUT: later; LP_E_TOO_LARGE. */
LP_MUST_USE int peer_export(const struct peer *p, const char *user_id, json_t **ret_data,
                            struct lp_error *err);

/* It is erased there, or there is no such service. At most 20 s. LP_E_UNAVAILABLE, LP_E_TIMEOUT. */
LP_MUST_USE int peer_erase(const struct peer *p, const char *user_id, struct lp_error *err);
