/* services/auth/passwords/cpu.h -- how much CPU this pod may use. */
#pragma once

/* The cgroup's CPU limit in CPUs (0.04 for 40m), version 2 or 1; 0 where there is none. */
double cpu_quota(void);

/* The same from the text of cgroup v2's cpu.max ("4000 100000", "max 100000"). */
double cpu_quota_of(const char *cpu_max);

/* Threads that can use it: rounded up, at least 1; with no quota the CPUs that there are. */
unsigned cpu_workers(double quota);
