/* test/unit/key_folder.h -- a folder of keys as the kubelet mounts a Secret, for one test program.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit/check.h"

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/lp-keys.XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

/* At once, as the kubelet does. */
static void put(const char *name, const char *text)
{
    lp_auto_free char *path = lp_sprintf("%s/%s", dir, name), *next = lp_sprintf("%s/next", dir);
    FILE *f = fopen(next, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(rename(next, path), 0);
}

static void drop(const char *name)
{
    lp_auto_free char *path = lp_sprintf("%s/%s", dir, name);
    unlink(path);
}
