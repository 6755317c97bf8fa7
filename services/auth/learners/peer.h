/* services/auth/learners/peer.h -- the services that hold something of a learner, asked by ours. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

/* Who may be asked. Immutable; any thread. */
struct peer;

#define PEER_MAX_ANSWER ((size_t)8 << 20) /* bytes of an export of one service */

struct peer_options {
    const char *progress_url, *ai_url, *learning_url; /* "": there is none; borrowed */
    const char *key; /* SERVICE_TOKEN_KEY; "": calls carry no token (ACCESS=Any there) */
};

/* LP_E_INVALID: a key that is none. */
LP_MUST_USE int peer_new(const struct peer_options *options, struct peer **ret_peer,
                         struct lp_error *err);
void peer_free(struct peer *p);

/* Whether there is a learning service, which a platform may have and lose. */
bool peer_has_learning(const struct peer *p);

/* Adds everything of a learner there to the object: members "progress", "ai_feedback" and
 * "learning", null where there is no such service. At most 20 s each. LP_E_UNAVAILABLE,
 * LP_E_TIMEOUT: later; LP_E_TOO_LARGE. */
LP_MUST_USE int peer_export(const struct peer *p, const char *user_id, json_t *io_data,
                            struct lp_error *err);

/* It is erased there, or there is no such service. At most 20 s each. LP_E_UNAVAILABLE,
 * LP_E_TIMEOUT: not by all of them. */
LP_MUST_USE int peer_erase(const struct peer *p, const char *user_id, struct lp_error *err);
