/* services/auth/http/multipart.h -- the file of an upload (RFC 7578). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Bytes inside the body. */
struct multipart_file {
    const char *bytes;
    size_t len;
};

/*
 * The first part with a file name of a multipart/form-data body. False where `content_type` is
 * another, the boundary is missing or over 70 bytes, the body is not closed, or no part is a file.
 * The part's own Content-Type and its file name are not looked at.
 */
bool multipart_find_file(const char *content_type, const char *body, size_t len,
                         struct multipart_file *ret_file);
