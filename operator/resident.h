/* operator/resident.h -- pages of files that only the start needed. */
#pragma once

/* Takes the pages of the program and its libraries that nobody may write out of the process; what
 * runs again is read from the page cache. Any thread. */
void resident_drop(void);
