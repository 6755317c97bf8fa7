/* platform/database_start.h -- what the pod of an embedded database does before the program of its
 * image starts: it gives the user of the Secret the Secret's password, so that the volume follows
 * the Secret. */
#pragma once

#include "platform/plan_parts.h"

/* A script for sh, which ends in the entry point of the image. Read from the environment: PGDATA,
 * POSTGRES_USER, _PASSWORD and _DB; MONGO_INITDB_ROOT_USERNAME and _PASSWORD. */
const char *database_start(enum database_id id);
