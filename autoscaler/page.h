/* autoscaler/page.h -- one answer of HTTP/1.1 to a GET, as its bytes come in (RFC 9112). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum page_state { PAGE_MORE, PAGE_WHOLE, PAGE_BAD };

/* `body` lies in the bytes that it was read from. `keep`: the connection can carry another request.
 */
struct page {
    int status;
    bool keep;
    const char *body;
    size_t len;
};

/*
 * Looks at all `n` bytes that came so far; `ended`: no more will. PAGE_MORE: call again with more.
 * PAGE_WHOLE: *ret_page is set, and the chunks of a chunked body were put together in place.
 * Answers of 1xx before it are passed over; a head over PAGE_HEAD bytes is bad.
 */
#define PAGE_HEAD 16384
enum page_state page_read(char *bytes, size_t n, bool ended, struct page *ret_page);
