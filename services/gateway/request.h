/* services/gateway/request.h -- drives a connection: reads requests, acts on verdicts, ends things.
 */
#pragma once

#include "services/gateway/conn.h"

/* Does all that can be done for it now; what it starts may mark others. The connection may be
 * closed afterwards. */
void request_drive(struct conn *c);

/* Deadlines and paces. */
void request_sweep(struct conn *c);

/* Ends it whatever it is at. */
void request_abandon(struct conn *c);
