/* operator/stats.c -- reads /proc (proc(5)) and asks the allocator. No state. */
#include "operator/stats.h"

#include <dirent.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "json/json.h"

/* At most 4 kB of a file; false where it cannot be read. */
static bool read_text(const char *path, char ret_text[4096])
{
    FILE *f = fopen(path, "re");

    if (!f)
        return false;
    size_t n = fread(ret_text, 1, 4095, f);
    fclose(f);
    ret_text[n] = '\0';
    return n > 0;
}

static void add_memory(json_t *process)
{
    static const struct {
        const char *line, *key;
    } wanted[] = {
        { "\nVmRSS:", "residentBytes" },     { "\nRssAnon:", "anonymousBytes" },
        { "\nVmHWM:", "residentPeakBytes" }, { "\nVmSize:", "virtualBytes" },
        { "\nVmStk:", "stackBytes" },
    };
    char text[4096];

    if (!read_text("/proc/self/status", text))
        return;
    for (size_t i = 0; i < LP_COUNT(wanted); i++) {
        const char *at = strstr(text, wanted[i].line);
        if (at)
            json_object_set_new(
                process, wanted[i].key,
                json_integer(1024 * strtoll(at + strlen(wanted[i].line), NULL, 10)));
    }
}

static json_int_t count_entries(const char *path)
{
    DIR *d = opendir(path);
    json_int_t n = 0;

    if (!d)
        return -1;
    for (const struct dirent *e = readdir(d); e; e = readdir(d))
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* Fields 14, 15 and 22 of a stat file: ticks of the user and the system, start after the boot. */
struct ticks {
    double cpu_s, start_s;
};

static bool read_ticks(const char *path, struct ticks *ret)
{
    double per_second = (double)sysconf(_SC_CLK_TCK);
    uint64_t user = 0, system = 0, start = 0;
    char text[4096], *after;

    if (!read_text(path, text) || !(after = strrchr(text, ')')) || strlen(after) < 4)
        return false;
    after += 3; /* the state, field 3 */
    for (int field = 4; field <= 22; field++) {
        uint64_t v = strtoull(after, &after, 10);
        if (field == 14)
            user = v;
        else if (field == 15)
            system = v;
        else if (field == 22)
            start = v;
    }
    ret->cpu_s = (double)(user + system) / per_second;
    ret->start_s = (double)start / per_second;
    return true;
}

static json_t *of_process(void)
{
    json_t *process = json_object();
    struct timespec boot;
    struct rlimit files;
    struct ticks t;

    add_memory(process);
    json_object_set_new(process, "openFiles", json_integer(count_entries("/proc/self/fd") - 1));
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        json_object_set_new(process, "openFilesMax", json_integer((json_int_t)files.rlim_cur));
    if (read_ticks("/proc/self/stat", &t) && clock_gettime(CLOCK_BOOTTIME, &boot) == 0) {
        json_object_set_new(process, "cpuSeconds", json_real(t.cpu_s));
        json_object_set_new(process, "uptimeSeconds",
                            json_integer((json_int_t)((double)boot.tv_sec - t.start_s)));
    }
    return process;
}

static json_t *of_heap(void)
{
    struct mallinfo2 m = mallinfo2();
    return lp_json_make("{s:I, s:I, s:I, s:I, s:I}", "allocatedBytes", (json_int_t)m.uordblks,
                        "freeBytes", (json_int_t)m.fordblks, "arenaBytes", (json_int_t)m.arena,
                        "mappedBytes", (json_int_t)m.hblkhd, "mappedBlocks", (json_int_t)m.hblks);
}

static json_t *of_threads(void)
{
    json_t *threads = json_array();
    DIR *d = opendir("/proc/self/task");

    if (!d)
        return threads;
    for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
        char path[64], name[4096];
        struct ticks t;
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/proc/self/task/%.20s/comm", e->d_name);
        if (!read_text(path, name))
            continue; /* has just ended */
        name[strcspn(name, "\n")] = '\0';
        snprintf(path, sizeof path, "/proc/self/task/%.20s/stat", e->d_name);
        if (read_ticks(path, &t))
            json_array_append_new(threads, lp_json_make("{s:o, s:f}", "name", lp_json_text(name),
                                                        "cpuSeconds", t.cpu_s));
    }
    closedir(d);
    return threads;
}

json_t *stats_of_process(void)
{
    return lp_json_make("{s:o, s:o, s:o}", "process", of_process(), "heap", of_heap(), "threads",
                        of_threads());
}
