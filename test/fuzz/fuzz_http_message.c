/*
 * test/fuzz/fuzz_http_message.c -- any bytes as a request head, a response head and a chunked body:
 * what is accepted at once is accepted byte by byte and the other way round, every view lies inside
 * the bytes, no field that frames the body has a doubt left, and a head that is written again from
 * its views reads the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "http/message/chunked.h"
#include "http/message/request_head.h"
#include "http/message/response_head.h"

#define CUT_EVERYWHERE 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_fields(const struct lp_fields *f, const char *from, const char *to)
{
    require(f->n <= LP_FIELDS_MAX);
    for (size_t i = 0; i < f->n; i++) {
        const struct lp_field *x = &f->list[i];
        require(x->name >= from && x->name_len > 0 && x->name + x->name_len < to);
        require(x->value > x->name && x->value + x->value_len <= to);
        require(!memchr(x->value, '\n', x->value_len) && !memchr(x->value, '\r', x->value_len) &&
                !memchr(x->value, '\0', x->value_len));
    }
    require(lp_fields_count(f, "Content-Length") + lp_fields_count(f, "Transfer-Encoding") <= 1);
}

static void write_again(const struct lp_request_head *h, struct lp_buf *out)
{
    lp_buf_add(out, h->method, h->method_len);
    lp_buf_char(out, ' ');
    lp_buf_add(out, h->target, h->target_len);
    lp_buf_printf(out, " HTTP/1.%u\r\n", h->minor);
    for (size_t i = 0; i < h->fields.n; i++) {
        lp_buf_add(out, h->fields.list[i].name, h->fields.list[i].name_len);
        lp_buf_char(out, ':');
        lp_buf_add(out, h->fields.list[i].value, h->fields.list[i].value_len);
        lp_buf_str(out, "\r\n");
    }
    lp_buf_str(out, "\r\n");
}

/* Short ones are cut at every byte. Of longer ones that would take nearly all of the time: they are
 * cut around each end of a line, and every 64 bytes. */
static size_t next_cut(const char *bytes, size_t have, size_t n)
{
    if (n <= CUT_EVERYWHERE || have >= n)
        return have + 1;
    for (size_t at = have + 1; at < n && at < have + 64; at++) {
        if (bytes[at] == '\r' || bytes[at] == '\n' || bytes[at - 1] == '\n')
            return at;
    }
    return have + 64 < n ? have + 64 : n;
}

static void try_request(const char *bytes, size_t n)
{
    lp_auto_buf struct lp_buf again = LP_BUF_INIT(1 << 20);
    struct lp_request_head h, second;
    struct lp_refusal why;
    size_t seen = 0, from = 0;
    int64_t whole = lp_request_head_read(bytes, n, &seen, &h, &why), parts = 0;

    for (size_t have = 0; have <= n && parts == 0; have = next_cut(bytes, have, n))
        parts = lp_request_head_read(bytes, have, &from, &second, &why);
    require((whole > 0) == (parts > 0) && (whole <= 0 || whole == parts));
    require(whole != 0 || parts <= 0);
    if (whole <= 0)
        return;
    require(whole <= LP_LIMIT_HTTP_HEADERS && (size_t)whole <= n);
    check_fields(&h.fields, bytes, bytes + whole);
    require(h.target_len > 0 && h.target_len <= LP_LIMIT_HTTP_TARGET && h.authority != NULL);
    seen = 0;
    write_again(&h, &again);
    require(lp_request_head_read(again.ptr, again.len, &seen, &second, &why) == (int64_t)again.len);
    require(second.body_length == h.body_length && second.keep_alive == h.keep_alive &&
            second.upgrade == h.upgrade && second.fields.n == h.fields.n);
}

static void try_response(const char *bytes, size_t n)
{
    struct lp_response_head h;
    struct lp_refusal why;
    size_t seen = 0;
    int64_t len = lp_response_head_read(bytes, n, 8192, false, &seen, &h, &why);

    if (len <= 0)
        return;
    require(len <= 8192 && (size_t)len <= n && h.status >= 100 && h.status <= 599);
    check_fields(&h.fields, bytes, bytes + len);
}

/* How it ended, and the sum over its bytes. */
static uint64_t sum_chunks(const char *bytes, size_t n, size_t step)
{
    struct lp_chunked c = { .left = 0 };
    uint64_t sum = 1;
    size_t at = 0;

    while (at < n) {
        const char *piece = NULL;
        size_t used = 0, len = 0;
        size_t give = n - at < step ? n - at : step;
        enum lp_chunked_result r = lp_chunked_read(&c, bytes + at, give, &used, &piece, &len);
        require(used <= give && (r != LP_CHUNKED_MORE || used == give));
        at += used;
        for (size_t i = 0; r == LP_CHUNKED_BYTES && i < len; i++)
            sum = sum * 31 + (unsigned char)piece[i];
        if (r == LP_CHUNKED_BAD || r == LP_CHUNKED_END)
            return sum * 4 + (uint64_t)r + at;
    }
    return sum * 4;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;

    if (size > 40000)
        return 0;
    try_request(bytes, size);
    try_response(bytes, size);
    require(sum_chunks(bytes, size, size + 1) == sum_chunks(bytes, size, 1));
    return 0;
}
