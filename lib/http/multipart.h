/* lib/http/multipart.h -- the parts of a form (RFC 7578), one after the other. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define LP_MULTIPART_NAME 64 /* bytes of a part's name, with the NUL */

/* Where the reader is in a body, which is borrowed and copied nowhere. Pure; any thread. */
struct lp_multipart {
    const char *at, *end;
    char delimiter[76]; /* CR LF "--" and the boundary */
    size_t delimiter_len;
};

/* All but `name` lies in the body. */
struct lp_multipart_part {
    char name[LP_MULTIPART_NAME]; /* "" where there is none, or none that fits */
    bool is_file;                 /* it has a file name, which is not looked at */
    const char *bytes;
    size_t len;
};

/* LP_E_INVALID: `content_type` (may be NULL) is no multipart/form-data with a boundary of 1 to 70
 * bytes, or the body does not begin with it. */
LP_MUST_USE int lp_multipart_begin(struct lp_multipart *m, const char *content_type,
                                   const char *body, size_t len, struct lp_error *err);

/* The next part. LP_E_NOT_FOUND: there is none; LP_E_INVALID: the body ends within it. */
LP_MUST_USE int lp_multipart_next(struct lp_multipart *m, struct lp_multipart_part *ret_part,
                                  struct lp_error *err);
