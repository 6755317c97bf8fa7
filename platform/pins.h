/* platform/pins.h -- what an embedded database keeps from the day its volume was made: its image's
 * major version and whether it knows users. Pure. */
#pragma once

#include <jansson.h>

#include "platform/plan.h"

/*
 * What is fixed, as the claim says it, or, of a database from before claims said it, as its
 * StatefulSet does; and what its pods were given of Secrets. Each NULL where it is not there; the
 * strings are theirs. ret->leaving is not touched.
 */
void pins_read(enum database_id id, const json_t *claim, const json_t *stateful_set,
               struct database_state *ret);

/* The image that the pod runs: the operator's, where the data of the volume suits it. */
const char *pins_image(const struct platform *p, enum database_id id);
/* Whether the database knows users; PostgreSQL always does. */
bool pins_users(const struct platform *p, enum database_id id);

/* True where data that `from` wrote must not be given to `to` as it is: another program or another
 * major version. Images of one name whose tags do not begin with a version count as one. */
bool pins_is_major(const char *from, const char *to);

/* What the operator's settings ask for and is refused, and what to do, or NULL; the caller's. */
char *pins_refused(const struct platform *p, enum database_id id);
