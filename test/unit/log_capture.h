/* test/unit/log_capture.h -- what this process logs goes to a file for a while. */
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "unit/check.h"

struct log_capture {
    int file, saved;
};

static inline void log_capture_begin(struct log_capture *l)
{
    l->file = open("/tmp", O_TMPFILE | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
    l->saved = dup(STDERR_FILENO);
    assert_true(l->file >= 0 && l->saved >= 0);
    dup2(l->file, STDERR_FILENO);
    lp_log_set_level(LP_LOG_INFO);
}

static inline void log_capture_end(struct log_capture *l)
{
    lp_log_set_level(LP_LOG_ERROR);
    dup2(l->saved, STDERR_FILENO);
    close(l->saved);
    close(l->file);
}

/* Waits for the line that has `part`, and gives it with its newline in `line`. */
static inline void log_capture_line(struct log_capture *l, const char *part, char line[8193])
{
    static char all[65536];
    int64_t end = lp_clock_ms() + 30000;

    while (lp_clock_ms() < end) {
        ssize_t n = pread(l->file, all, sizeof all - 1, 0);
        all[n > 0 ? n : 0] = '\0';
        const char *at = strstr(all, part), *stop = at ? strchr(at, '\n') : NULL;
        if (stop) {
            while (at > all && at[-1] != '\n')
                at--;
            snprintf(line, 8193, "%.*s", (int)(stop + 1 - at), at);
            return;
        }
        sched_yield();
    }
    fail_msg("no line with %s in: %s", part, all);
}
