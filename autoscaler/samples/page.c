/* autoscaler/samples/page.c -- the answer with a pod's metrics: head, then a body by length, in
 * chunks, or to the end of the connection. No state beside the page. */
#include "autoscaler/samples/page.h"

#include "base/limits.h"
#include "http/message/request_head.h"
#include "http/message/response_head.h"

#define HEAD_MAX ((size_t)LP_LIMIT_HTTP_HEADERS)
#define BODY_MAX ((size_t)LP_LIMIT_SCRAPE_BYTES)
#define INTERIM_MAX 16 /* 1xx before the final answer */

void page_init(struct page *p)
{
    *p = (struct page){ .in = LP_BUF_INIT(HEAD_MAX + BODY_MAX), .body = LP_BUF_INIT(BODY_MAX) };
}

void page_done(struct page *p)
{
    lp_buf_done(&p->in);
    lp_buf_done(&p->body);
}

void page_reset(struct page *p)
{
    struct lp_buf in = p->in, body = p->body;

    lp_buf_reset(&in);
    lp_buf_reset(&body);
    *p = (struct page){ .in = in, .body = body };
}

/* True once the head of the final answer is there; *ret_bad where it never will be. */
static bool take_head(struct page *p, bool *ret_bad)
{
    struct lp_response_head h;
    struct lp_refusal refusal;

    do {
        int64_t used =
            lp_response_head_read(p->in.ptr, p->in.len, HEAD_MAX, false, &p->seen, &h, &refusal);
        *ret_bad = used < 0 ||
                   (used > 0 && h.status < 200 && (h.status == 101 || ++p->interim > INTERIM_MAX));
        if (used <= 0 || *ret_bad)
            return false;
        p->status = h.status;
        p->length = h.body_length;
        p->keep = h.keep_alive && h.body_length != LP_BODY_TO_END;
        p->seen = 0;
        lp_buf_consume(&p->in, (size_t)used); /* what `h` borrows goes */
    } while (p->status < 200);
    p->headed = true;
    *ret_bad = p->length > (int64_t)BODY_MAX;
    return !*ret_bad;
}

static enum page_state take_chunks(struct page *p)
{
    enum lp_chunked_result r = LP_CHUNKED_BYTES;
    size_t at = 0;

    while (r == LP_CHUNKED_BYTES) {
        size_t used = 0, len = 0;
        const char *piece = NULL;
        r = lp_chunked_read(&p->chunked, p->in.ptr + at, p->in.len - at, &used, &piece, &len);
        at += used;
        if (r == LP_CHUNKED_BYTES)
            lp_buf_add(&p->body, piece, len);
    }
    lp_buf_consume(&p->in, at);
    if (r == LP_CHUNKED_BAD || p->body.overflowed)
        return PAGE_BAD;
    p->keep = p->keep && p->in.len == 0; /* what nobody asked for is no answer */
    return r == LP_CHUNKED_END ? PAGE_WHOLE : PAGE_MORE;
}

enum page_state page_take(struct page *p, const char *bytes, size_t n)
{
    bool bad = false;

    p->any = true;
    lp_buf_add(&p->in, bytes, n);
    if (!p->headed && !take_head(p, &bad))
        return bad ? PAGE_BAD : PAGE_MORE;
    if (p->in.overflowed)
        return PAGE_BAD;
    if (p->length == LP_BODY_CHUNKED)
        return take_chunks(p);
    if (p->length == LP_BODY_TO_END)
        return p->in.len > BODY_MAX ? PAGE_BAD : PAGE_MORE;
    if (p->in.len < (size_t)p->length)
        return PAGE_MORE;
    p->keep = p->keep && p->in.len == (size_t)p->length;
    return PAGE_WHOLE;
}

enum page_state page_end(const struct page *p)
{
    return p->headed && p->length == LP_BODY_TO_END ? PAGE_WHOLE : PAGE_BAD;
}

const char *page_body(const struct page *p, size_t *ret_len)
{
    const struct lp_buf *b = p->length == LP_BODY_CHUNKED ? &p->body : &p->in;

    *ret_len = p->length >= 0 ? (size_t)p->length : b->len;
    return b->ptr;
}
