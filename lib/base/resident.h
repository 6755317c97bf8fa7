/* lib/base/resident.h -- resident memory of programs and libraries that nothing uses any more. */
#pragma once

#include <stddef.h>

/*
 * Unmaps the pages of program and library files that are resident and were never written to:
 * madvise(2), MADV_DONTNEED. Start-up runs much code once (linker, TLS, parsers), and the kernel
 * maps sixteen pages for each that is touched; what is still in use comes back from the page cache
 * at its next use, without a read. Pages that were written to stay. Returns the bytes by which the
 * resident file pages shrank, 0 where they were less than 1 MiB more than the last call left, so
 * that it may be called every few seconds. One thread; the others go on meanwhile.
 */
size_t lp_resident_trim(void);
