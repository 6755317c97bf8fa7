/* test/integration/audit.h -- the API server's audit log, which has a line for each request when it
 * is answered. */
#pragma once

#include "base/buf.h"

/* The end of the log now; what follows is what happens from now on. */
long audit_now(void);

/* Which requests. NULL: any. */
struct audit_query {
    const char *agent; /* how the User-Agent begins */
    const char *id;    /* how the request's id begins */
    const char *ns, *resource, *name;
};

/*
 * How many writes (create, update, patch, delete) there were since `from`, leases left aside; each
 * is a line in `ret_lines` where that is not NULL.
 */
unsigned audit_writes(long from, const struct audit_query *query, struct lp_buf *ret_lines);
