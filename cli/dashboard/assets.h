/* cli/dashboard/assets.h -- the files of assets/, which are compiled in. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct asset {
    const char *type; /* Content-Type */
    const char *text;
    size_t len;
};

/* What the path names: "/" is the page. False: nothing. Any thread. */
bool asset_find(const char *path, struct asset *ret_asset);
