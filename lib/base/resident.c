/*
 * lib/base/resident.c -- which mappings may be dropped is told by /proc/self/smaps (proc(5)): of a
 * file, not writable, and without a page of our own ("Anonymous", "Swap"), which it has once it was
 * written to: relocated tables of libraries (relro), code where a debugger has set a breakpoint. No
 * thread of ours makes such a mapping writable after the start, so none is written to between the
 * look and the call.
 */
#include "base/resident.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define GROWTH ((size_t)1 << 20)
#define MAX_MAPPINGS 512 /* some two hundred with all our libraries; the rest stays as it is */

struct mapping {
    uintptr_t start, end;
};

/* Resident pages of files (statm's third field), in bytes; 0 where the kernel does not say. */
static size_t file_resident(void)
{
    size_t size = 0, resident = 0, shared = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (!f)
        return 0;
    int n = fscanf(f, "%zu %zu %zu", &size, &resident, &shared);
    fclose(f);
    return n == 3 ? shared * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

/* True where the line begins a mapping; *ret_candidate: one of a file that is not writable. */
static bool begins(const char *line, struct mapping *ret_mapping, bool *ret_candidate)
{
    struct mapping m;
    char access[5] = "";
    unsigned long inode = 0;

    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %lu", &m.start, &m.end, access,
               &inode) != 4)
        return false;
    *ret_mapping = m;
    *ret_candidate = inode != 0 && access[1] == '-' && access[3] == 'p';
    return true;
}

static size_t list_clean(struct mapping list[MAX_MAPPINGS])
{
    char line[512];
    struct mapping current = { 0, 0 };
    bool candidate = false;
    size_t n = 0, anonymous_kb = 1, swap_kb = 1;
    FILE *f = fopen("/proc/self/smaps", "re");

    if (!f)
        return 0;
    while (n < MAX_MAPPINGS && fgets(line, sizeof line, f)) {
        if (begins(line, &current, &candidate) ||
            sscanf(line, "Anonymous: %zu kB", &anonymous_kb) == 1)
            continue;
        if (sscanf(line, "Swap: %zu kB", &swap_kb) != 1)
            continue;
        if (candidate && anonymous_kb == 0 && swap_kb == 0)
            list[n++] = current;
        anonymous_kb = 1;
    }
    fclose(f);
    return n;
}

size_t lp_resident_trim(void)
{
    static size_t left;
    struct mapping list[MAX_MAPPINGS];
    size_t before = file_resident();

    if (before < left + GROWTH)
        return 0;
    size_t n = list_clean(list);
    for (size_t i = 0; i < n; i++)
        madvise((void *)list[i].start, list[i].end - list[i].start, MADV_DONTNEED);
    left = file_resident();
    return before > left ? before - left : 0;
}
