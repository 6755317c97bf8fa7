/*
 * operator/resident.c -- buys RSS: 16 MiB at 10 platforms without it, 11 of which are code of
 * shared libraries that ran once (bench/operator, rss_10_mib; the bound is 12).
 */
#include "operator/resident.h"

#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Segments that may be written hold relocations, which are nowhere else. */
static int drop_object(struct dl_phdr_info *object, size_t size, void *user)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    (void)size, (void)user;
    for (unsigned i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t start = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
        uintptr_t end = object->dlpi_addr + segment->p_vaddr + segment->p_memsz;
        if (segment->p_type == PT_LOAD && !(segment->p_flags & PF_W))
            (void)madvise((void *)start, end - start, MADV_DONTNEED); /* not of the vDSO */
    }
    return 0;
}

void resident_drop(void)
{
    dl_iterate_phdr(drop_object, NULL);
}
