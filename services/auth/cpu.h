/* services/auth/cpu.h -- how much CPU this pod may use. */
#pragma once

/*
 * The cgroup's CPU limit in CPUs (0.04 for 40m), version 2 or 1; the number of CPUs this process
 * may run on where there is no limit.
 */
double cpu_limit(void);

/* The same from the text of cgroup v2's cpu.max ("4000 100000", "max 100000"); 0 where it sets no
 * limit. */
double cpu_limit_of(const char *cpu_max);

/* Hash threads for a limit: rounded up, at least 1. */
unsigned cpu_workers(double limit);
