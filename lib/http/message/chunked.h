/* lib/http/message/chunked.h -- the chunked coding (RFC 9112, 7.1), read strictly and written.
 * Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define LP_CHUNKED_LINE_MAX 256           /* bytes of a chunk's first line, extensions included */
#define LP_CHUNKED_OVERHEAD_MAX (1 << 14) /* bytes of all extensions, or of the trailer section */

enum lp_chunked_state {
    LP_CHUNKED_SIZE,
    LP_CHUNKED_EXTENSION,
    LP_CHUNKED_SIZE_LF,
    LP_CHUNKED_DATA,
    LP_CHUNKED_DATA_CR,
    LP_CHUNKED_DATA_LF,
    LP_CHUNKED_TRAILER, /* at the start of a trailer line */
    LP_CHUNKED_TRAILER_NAME,
    LP_CHUNKED_TRAILER_VALUE,
    LP_CHUNKED_TRAILER_LF,
    LP_CHUNKED_END_LF,
    LP_CHUNKED_ENDED,
};

/* Zeroed at first. */
struct lp_chunked {
    enum lp_chunked_state state;
    uint64_t left;     /* of this chunk's data, or its size so far */
    unsigned digits;   /* of the size */
    unsigned line;     /* bytes of this line */
    unsigned overhead; /* bytes of extensions, then of the trailer section */
};

enum lp_chunked_result {
    LP_CHUNKED_MORE, /* all bytes are used, the body goes on */
    LP_CHUNKED_BYTES,
    LP_CHUNKED_END, /* the body is over; bytes behind *ret_used belong to what follows */
    LP_CHUNKED_BAD, /* no valid coding: nothing after it can be trusted */
};

/*
 * Reads on: *ret_used bytes are done with. LP_CHUNKED_BYTES gives the next piece of the body, a
 * view into `bytes` (the caller calls again with the rest). Refused: a size that is not 1 to 15 hex
 * digits, white space around it, a bare CR or LF, control characters in an extension or the trailer
 * section, and what is over the limits above. Trailer fields are checked and dropped (RFC 9110,
 * 6.5.1 allows it).
 */
enum lp_chunked_result lp_chunked_read(struct lp_chunked *c, const char *bytes, size_t n,
                                       size_t *ret_used, const char **ret_piece, size_t *ret_len);

#define LP_CHUNKED_HEAD 20
/* Writes the line before a chunk of `n` > 0 bytes, at most LP_CHUNKED_HEAD; how many. CR LF must
 * follow the bytes. */
size_t lp_chunked_head(char to[LP_CHUNKED_HEAD], size_t n);
#define LP_CHUNKED_LAST "0\r\n\r\n"
