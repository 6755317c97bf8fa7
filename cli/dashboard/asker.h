/* cli/dashboard/asker.h -- a thread that answers one question of the page at a time, for answers
 * that take longer than an event loop may. */
#pragma once

#include "base/error.h"
#include "http/server/server.h"

/* Answers the exchange; in the asker's thread. */
typedef void asker_answer(struct lp_http_exchange *x, void *user);

/* Opaque: hides a lock. */
struct asker;

/* `what`: a literal, as "another simulation". LP_E_INTERNAL where there is no thread. */
LP_MUST_USE int asker_new(asker_answer *answer, void *user, const char *what, struct asker **ret,
                          struct lp_error *err);
/* Takes the exchange over; where another waits already behind the one that is answered it is 503.
 * Any thread. */
void asker_ask(struct asker *a, struct lp_http_exchange *x);
/* Answers what it has, and ends its thread; then _ask refuses. NULL is fine. */
void asker_stop(struct asker *a);
/* After asker_stop, when nobody calls _ask any more. NULL is fine. */
void asker_free(struct asker *a);
