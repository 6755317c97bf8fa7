/* test/unit/golden.h -- texts that are held in files of golden/. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "unit/check.h"

/* Fails where `text` is not what the file holds; with LP_UPDATE_GOLDEN it writes the file first. */
static void check_golden(const char *path, const char *text)
{
    static char golden[1 << 20];
    if (getenv("LP_UPDATE_GOLDEN")) {
        FILE *out = fopen(path, "w");
        assert_non_null(out);
        fputs(text, out);
        fclose(out);
    }
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    size_t n = fread(golden, 1, sizeof golden - 1, in), at = 0;
    fclose(in);
    golden[n] = '\0';
    while (golden[at] && golden[at] == text[at])
        at++;
    if (golden[at] || text[at])
        fail_msg("differs from %s at byte %zu (run once with LP_UPDATE_GOLDEN=1 and look at git "
                 "diff):\n%.200s",
                 path, at, text + (at > 60 ? at - 60 : 0));
}
