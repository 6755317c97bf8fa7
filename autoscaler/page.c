/*
 * The framing of an answer: by its length, by chunks, or by the end of the connection.
 *
 * Each look begins at the first byte: a page comes in one or two pieces, so that nothing is to be
 * kept between them. The bytes come from a pod, so nothing is assumed about them.
 *
 * Threads: none of its own; keeps no state.
 */
#include "autoscaler/page.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"

struct head {
    int status;
    bool keep, chunked, sized;
    size_t length; /* where it is sized */
};

struct text {
    const char *at;
    size_t n;
};

static bool is_name(struct text name, const char *wanted)
{
    return name.n == strlen(wanted) && strncasecmp(name.at, wanted, name.n) == 0;
}

static struct text trimmed(const char *at, size_t n)
{
    while (n > 0 && (*at == ' ' || *at == '\t'))
        at++, n--;
    while (n > 0 && (at[n - 1] == ' ' || at[n - 1] == '\t' || at[n - 1] == '\r'))
        n--;
    return (struct text){ at, n };
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take_length(struct text value, struct head *h)
{
    size_t length = 0;
    for (size_t i = 0; i < value.n; i++) {
        if (!is_digit(value.at[i]) || length > LP_LIMIT_SCRAPE_BYTES)
            return false;
        length = length * 10 + (size_t)(value.at[i] - '0');
    }
    if (value.n == 0 || (h->sized && h->length != length))
        return false;
    h->sized = true;
    h->length = length;
    return true;
}

static bool take_field(struct text line, struct head *h)
{
    const char *colon = memchr(line.at, ':', line.n);
    if (!colon)
        return false;
    struct text name = { line.at, (size_t)(colon - line.at) };
    struct text value = trimmed(colon + 1, line.n - name.n - 1);
    if (is_name(name, "content-length"))
        return take_length(value, h);
    if (is_name(name, "transfer-encoding"))
        return h->chunked = is_name(value, "chunked");
    if (is_name(name, "connection") && is_name(value, "close"))
        h->keep = false;
    return true;
}

/* "HTTP/1.1 200 OK" */
static bool take_status(struct text line, struct head *h)
{
    if (line.n < 12 || memcmp(line.at, "HTTP/1.", 7) != 0 || line.at[8] != ' ')
        return false;
    for (size_t i = 9; i < 12; i++)
        if (!is_digit(line.at[i]))
            return false;
    h->keep = line.at[7] != '0';
    h->status = (line.at[9] - '0') * 100 + (line.at[10] - '0') * 10 + (line.at[11] - '0');
    return h->status >= 100;
}

/* The head without its empty line. */
static bool take_head(const char *bytes, size_t n, struct head *h)
{
    bool first = true;
    while (n > 0) {
        const char *newline = memchr(bytes, '\n', n);
        size_t len = newline ? (size_t)(newline - bytes) : n;
        struct text line = trimmed(bytes, len);
        if (first ? !take_status(line, h) : !take_field(line, h))
            return false;
        first = false;
        bytes += newline ? len + 1 : len;
        n -= newline ? len + 1 : len;
    }
    return !(h->chunked && h->sized);
}

static int hex(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The size line of a chunk at `*at`, which is moved behind it. */
static enum page_state take_size(const char *bytes, size_t n, size_t *at, size_t *ret_size)
{
    size_t size = 0, i = *at;
    for (; i < n && hex(bytes[i]) >= 0; i++) {
        if (size > LP_LIMIT_SCRAPE_BYTES)
            return PAGE_BAD;
        size = size * 16 + (size_t)hex(bytes[i]);
    }
    const char *newline = i < n ? memchr(bytes + i, '\n', n - i) : NULL;
    bool begins = i > *at && (i == n || strchr("\r\n; \t", bytes[i]));
    if (!newline)
        return (i == n || begins) && n - *at < PAGE_HEAD ? PAGE_MORE : PAGE_BAD;
    *at = (size_t)(newline - bytes) + 1;
    *ret_size = size;
    return begins && bytes[i] != '\0' ? PAGE_WHOLE : PAGE_BAD;
}

/* Trailers are passed over, up to the empty line. */
static enum page_state take_trailers(const char *bytes, size_t n, size_t *at)
{
    for (;;) {
        const char *newline = memchr(bytes + *at, '\n', n - *at);
        if (!newline)
            return n - *at < PAGE_HEAD ? PAGE_MORE : PAGE_BAD;
        size_t len = trimmed(bytes + *at, (size_t)(newline - bytes) - *at).n;
        *at = (size_t)(newline - bytes) + 1;
        if (len == 0)
            return PAGE_WHOLE;
    }
}

/* One walk over the chunks; with `to` their bytes are moved there. *ret_end: behind the last. */
static enum page_state walk(char *bytes, size_t n, char *to, size_t *ret_len, size_t *ret_end)
{
    size_t at = 0, size = 0, len = 0;
    for (;;) {
        enum page_state state = take_size(bytes, n, &at, &size);
        if (state != PAGE_WHOLE)
            return state;
        if (size == 0)
            break;
        if (n - at < size + 2)
            return PAGE_MORE;
        if (memcmp(bytes + at + size, "\r\n", 2) != 0)
            return PAGE_BAD;
        if (to)
            memmove(to + len, bytes + at, size);
        len += size;
        at += size + 2;
    }
    *ret_len = len;
    enum page_state state = take_trailers(bytes, n, &at);
    *ret_end = at;
    return state;
}

static enum page_state take_body(char *bytes, size_t n, bool ended, const struct head *h,
                                 struct page *ret)
{
    size_t end = 0;
    *ret = (struct page){ .status = h->status, .keep = h->keep, .body = bytes };
    if (h->chunked) {
        enum page_state state = walk(bytes, n, NULL, &ret->len, &end);
        if (state == PAGE_WHOLE) { /* the same bytes once more: the trailers stay where they are */
            size_t again;
            walk(bytes, n, bytes, &ret->len, &again);
        }
        ret->keep = ret->keep && end == n;
        return state;
    }
    if (h->status == 204 || h->status == 304) {
        ret->keep = ret->keep && n == 0;
        return PAGE_WHOLE;
    }
    if (h->sized) {
        ret->len = h->length;
        ret->keep = ret->keep && n == h->length;
        return n >= h->length ? PAGE_WHOLE : PAGE_MORE;
    }
    ret->len = n;
    ret->keep = false;
    return ended ? PAGE_WHOLE : PAGE_MORE;
}

enum page_state page_read(char *bytes, size_t n, bool ended, struct page *ret_page)
{
    enum page_state more = ended ? PAGE_BAD : PAGE_MORE;
    for (;;) {
        struct head h = { 0 };
        const char *end = n > 0 ? memmem(bytes, n, "\r\n\r\n", 4) : NULL;
        if (!end)
            return n < PAGE_HEAD ? more : PAGE_BAD;
        size_t len = (size_t)(end - bytes);
        if (len > PAGE_HEAD || !take_head(bytes, len, &h) || h.status == 101)
            return PAGE_BAD;
        bytes += len + 4;
        n -= len + 4;
        if (h.status < 200)
            continue;
        enum page_state state = take_body(bytes, n, ended, &h, ret_page);
        return state == PAGE_MORE ? more : state;
    }
}
