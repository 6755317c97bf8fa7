/* lib/metrics/process.c -- process_* from /proc (proc(5)), lp_build_info and lp_log_*. Read at each
 * scrape.
 */
#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "metrics/metrics_parts.h"

static _Atomic(const char *) program_name = "lp", program_version = LP_VERSION;

static struct lp_metric_family *build_info(void)
{
    return lp_metric_family(LP_METRIC_GAUGE, "lp_build_info", "Program and version, always 1.",
                            "program,version", NULL, 0);
}

void lp_metrics_set_program(const char *program, const char *version)
{
    const char *const old[] = { atomic_load(&program_name), atomic_load(&program_version) };
    lp_metric_remove(build_info(), old);
    atomic_store(&program_name, program);
    atomic_store(&program_version, version);
}

static void set(enum lp_metric_kind kind, const char *name, const char *help, double v)
{
    lp_metric_set(lp_metric_single(lp_metric_family(kind, name, help, "", NULL, 0)), v);
}

/* Seconds since 1970 at which the process started `ticks` after the boot. */
static double start_seconds(unsigned long long ticks, double per_second)
{
    struct timespec wall, boot;

    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    double booted =
        (double)(wall.tv_sec - boot.tv_sec) + (double)(wall.tv_nsec - boot.tv_nsec) / 1e9;
    return booted + (double)ticks / per_second;
}

/* Fields of /proc/self/stat that we want, counted as in proc(5), where the first is 1. */
enum { UTIME = 14, STIME = 15, STARTTIME = 22, VSIZE = 23, RSS = 24, N_FIELDS = 25 };

/* False where the file is not as expected. */
static bool read_fields(unsigned long long ret_fields[N_FIELDS])
{
    char text[1024];
    FILE *f = fopen("/proc/self/stat", "re");

    if (!f)
        return false;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    char *at = strrchr(text, ')'); /* the program's name may hold spaces and brackets */
    if (!at || strlen(at) < 4)
        return false;
    at += 3; /* ") S": the state is field 3 */
    for (int i = 4; i < N_FIELDS; i++) {
        char *end;
        ret_fields[i] = strtoull(at, &end, 10);
        if (end == at)
            return false;
        at = end;
    }
    return true;
}

static void read_stat(void)
{
    unsigned long long fields[N_FIELDS];
    double per_second = (double)sysconf(_SC_CLK_TCK);

    if (!read_fields(fields))
        return;
    set(LP_METRIC_COUNTER, "process_cpu_seconds_total", "CPU time in seconds, user and system.",
        (double)(fields[UTIME] + fields[STIME]) / per_second);
    set(LP_METRIC_GAUGE, "process_resident_memory_bytes", "Resident memory in bytes.",
        (double)fields[RSS] * (double)sysconf(_SC_PAGESIZE));
    set(LP_METRIC_GAUGE, "process_virtual_memory_bytes", "Virtual memory in bytes.",
        (double)fields[VSIZE]);
    set(LP_METRIC_GAUGE, "process_start_time_seconds", "Start of the process since 1970.",
        start_seconds(fields[STARTTIME], per_second));
}

static void read_descriptors(void)
{
    struct rlimit limit;
    double open = -1; /* the one that reads the directory does not count */

    DIR *d = opendir("/proc/self/fd");
    if (d) {
        for (const struct dirent *e = readdir(d); e; e = readdir(d))
            open += e->d_name[0] != '.';
        closedir(d);
        set(LP_METRIC_GAUGE, "process_open_fds", "Open file descriptors.", open);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        set(LP_METRIC_GAUGE, "process_max_fds", "Limit of open file descriptors.",
            (double)limit.rlim_cur);
}

/* A counter that is kept elsewhere. */
static void set_counter(const char *name, const char *help, const char *level, uint64_t v)
{
    struct lp_metric_family *f =
        lp_metric_family(LP_METRIC_COUNTER, name, help, level ? "level" : "", NULL, 0);

    lp_metric_set(level ? lp_metric_with(f, level) : lp_metric_single(f), (double)v);
}

static void read_log(void)
{
    static const char *const levels[] = { "debug", "info", "warn", "error" };
    struct lp_log_counts c = lp_log_counts();

    for (int i = LP_LOG_DEBUG; i <= LP_LOG_ERROR; i++) {
        set_counter("lp_log_lines_total", "Log lines written; the sum is the last seq.", levels[i],
                    c.written[i]);
        set_counter("lp_log_lines_left_out_total", "Repeats of log lines that were left out.",
                    levels[i], c.left_out[i]);
    }
    set_counter("lp_log_lines_lost_total", "Log lines that stderr did not take.", NULL, c.lost);
}

void lp_metrics_read_process(void)
{
    lp_metric_set(
        lp_metric_with(build_info(), atomic_load(&program_name), atomic_load(&program_version)), 1);
    read_stat();
    read_descriptors();
    read_log();
}
