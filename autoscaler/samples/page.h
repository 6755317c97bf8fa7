/* autoscaler/samples/page.h -- reads the answer to GET /metrics from the bytes of a connection.
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "http/message/chunked.h"

enum page_state {
    PAGE_MORE,
    PAGE_WHOLE,
    PAGE_BAD, /* malformed, over LP_LIMIT_SCRAPE_BYTES, or cut: close the connection */
};

/* One answer, HTTP/1.1 by RFC 9112. */
struct page {
    struct lp_buf in;   /* as it came: the head, then the body or what is not decoded yet */
    struct lp_buf body; /* decoded, of a chunked answer */
    bool headed;        /* the final head has been read and is in `in` no more */
    size_t seen;        /* how far the end of the head was looked for */
    int64_t length;     /* of the body, or LP_BODY_CHUNKED, LP_BODY_TO_END */
    unsigned status, interim;
    bool any;  /* a byte came */
    bool keep; /* once it is whole: the connection may be used again */
    struct lp_chunked chunked;
};

void page_init(struct page *p);
void page_done(struct page *p);

/* For the next answer; keeps the memory. */
void page_reset(struct page *p);

enum page_state page_take(struct page *p, const char *bytes, size_t n);

/* No more bytes will come. */
enum page_state page_end(const struct page *p);

/* The body of a whole answer; valid until the next call. */
const char *page_body(const struct page *p, size_t *ret_len);
