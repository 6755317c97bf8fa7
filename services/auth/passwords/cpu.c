/*
 * A pod sees its own cgroup at the root of /sys/fs/cgroup (version 2), or its cpu controller at
 * /sys/fs/cgroup/cpu (version 1). Read once at start. Any thread.
 */
#include "services/auth/passwords/cpu.h"

#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/alloc.h"

static bool read_line(const char *path, char line[64])
{
    lp_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, line, 63) : -1;
    line[n > 0 ? n : 0] = '\0';
    return n > 0;
}

double cpu_quota_of(const char *cpu_max)
{
    char *end;
    long quota = strtol(cpu_max, &end, 10);
    long period = strtol(end, NULL, 10); /* 0 where either is no number */
    if (quota <= 0 || period <= 0)
        return 0;
    return (double)quota / (double)period;
}

double cpu_quota(void)
{
    char quota[64], period[64], both[130];
    if (read_line("/sys/fs/cgroup/cpu.max", quota))
        return cpu_quota_of(quota);
    if (!read_line("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", quota) ||
        !read_line("/sys/fs/cgroup/cpu/cpu.cfs_period_us", period))
        return 0;
    snprintf(both, sizeof both, "%s %s", quota, period);
    return cpu_quota_of(both);
}

unsigned cpu_workers(double quota)
{
    cpu_set_t set;
    int cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    double workers = quota > 0 && quota < cpus ? ceil(quota) : cpus;
    return workers < 1 ? 1 : (unsigned)workers;
}
