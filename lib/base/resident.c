/*
 * lib/base/resident.c -- which mappings may be dropped is told by /proc/self/smaps (proc(5)): of a
 * file, not writable, and without a page of our own ("Anonymous", "Swap"), which it has once it was
 * written to: relocated tables of libraries (relro), code where a debugger has set a breakpoint. No
 * thread of ours makes such a mapping writable after the start, so none is written to between the
 * look and the call.
 */
#include "base/resident.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    char text[128] = "", *at = text;
    size_t pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (!f)
        return 0;
    if (fgets(text, sizeof text, f))
        for (int field = 0; field < 3; field++)
            pages = strtoul(at, &at, 10);
    fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* "START-END rwxp OFFSET DEVICE INODE PATH" begins a mapping. *ret_candidate: one of a file that is
 * not writable. */
static bool begins(const char *line, struct mapping *ret_mapping, bool *ret_candidate)
{
    char *at;
    struct mapping m = { .start = strtoul(line, &at, 16) };

    if (*at != '-')
        return false;
    m.end = strtoul(at + 1, &at, 16);
    if (strnlen(at, 6) < 6)
        return false;
    const char *access = at + 1, *inode = at + 5;
    for (int field = 0; field < 2; field++)
        inode += strspn(inode, " ") + strcspn(inode + strspn(inode, " "), " ");
    *ret_mapping = m;
    *ret_candidate = access[1] == '-' && access[3] == 'p' && strtoul(inode, NULL, 10) != 0;
    return true;
}

/* True where the line is "NAME: KB kB". */
static bool says(const char *line, const char *name, size_t *ret_kb)
{
    size_t n = strlen(name);

    if (strncmp(line, name, n) != 0 || line[n] != ':')
        return false;
    *ret_kb = strtoul(line + n + 1, NULL, 10);
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
        if (begins(line, &current, &candidate) || says(line, "Anonymous", &anonymous_kb) ||
            !says(line, "Swap", &swap_kb))
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
