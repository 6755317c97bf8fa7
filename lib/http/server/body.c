/*
 * A body that several replies share. Its response of libmicrohttpd is shared too: the event loops
 * count who sends it, we count who may still begin to.
 *
 * Threads: any; nothing but the counter changes.
 */
#include "http/server/server_parts.h"

#include <stdatomic.h>

#include "base/alloc.h"

struct lp_http_body {
    atomic_uint refs;
    size_t len;
    struct MHD_Response *response;
};

struct lp_http_body *lp_http_body_new(const char *content_type, struct lp_buf *text)
{
    struct lp_http_body *b = lp_alloc(sizeof *b);
    b->refs = 1;
    b->len = text->len;
    b->response = MHD_create_response_from_buffer(b->len, lp_buf_take(text), MHD_RESPMEM_MUST_FREE);
    if (!b->response ||
        MHD_add_response_header(b->response, "Content-Type", content_type) != MHD_YES)
        abort(); /* no memory, as in lp_alloc */
    return b;
}

struct lp_http_body *lp_http_body_ref(struct lp_http_body *b)
{
    atomic_fetch_add(&b->refs, 1);
    return b;
}

void lp_http_body_unref(struct lp_http_body *b)
{
    if (!b || atomic_fetch_sub(&b->refs, 1) != 1)
        return;
    MHD_destroy_response(b->response);
    free(b);
}

size_t lp_http_body_len(const struct lp_http_body *b)
{
    return b->len;
}

struct MHD_Response *lp_http_body_response(const struct lp_http_body *b)
{
    return b->response;
}
