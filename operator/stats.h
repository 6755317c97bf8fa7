/* operator/stats.h -- what the process uses, for /debug/stats. */
#pragma once

#include <jansson.h>

/*
 * {"process":{...},"heap":{...},"threads":[{"name","cpuSeconds"}]}: memory from /proc/self/status,
 * descriptors, CPU and uptime; the allocator's figures (mallinfo2(3)); each thread with what CPU it
 * took. The caller's. A part that cannot be read is left out. Any thread.
 */
json_t *stats_of_process(void);
