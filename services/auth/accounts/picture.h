/* services/auth/accounts/picture.h -- what kind of picture some bytes are. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define PICTURE_MAX_BYTES 2000000
#define PICTURE_MAX_SIDE 4096 /* pixels */

struct picture {
    const char *type; /* "image/png", … : a literal */
    unsigned width, height;
};

/*
 * By the content alone: PNG, JPEG, GIF or WebP. False for anything else, or a header that is not
 * whole. Nothing is decoded, so a picture that unpacks to gigabytes costs nothing here.
 */
bool picture_read(const void *bytes, size_t len, struct picture *ret_picture);
