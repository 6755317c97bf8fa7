/* lib/base/heartbeat.h -- threads that show that they go on, for /livez. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LP_HEARTBEAT_MS 60000 /* more than any of our threads takes between two waits */

/*
 * A thread that has begun promises a beat at least every `limit_ms`. The waits of lib/ (stop.h,
 * work/queue.h, http/client/client.h) beat by themselves, and are no silence however long they are
 * meant to be; what a thread does between two of them must not take longer than its limit. Without
 * a begin, the calls below do nothing.
 */
void lp_heartbeat_begin(const char *name, int64_t limit_ms); /* at most 15 bytes of the name */
void lp_heartbeat_end(void);
void lp_heartbeat(void);

/* Around a wait of up to `ms` (INT64_MAX: for as long as it takes), then lp_heartbeat(). */
void lp_heartbeat_wait(int64_t ms);

/* False where a thread is silent for too long; `why` names it and says for how long. Any thread. */
bool lp_heartbeats_good(char *why, size_t room);
