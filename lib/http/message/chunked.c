/* lib/http/message/chunked.c -- a state machine over framing; data passes in whole pieces. Any
 * thread. */
#include "http/message/chunked.h"

#include <stdbool.h>
#include <string.h>

#include "http/field.h"

#define DIGITS_MAX 15

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

static bool is_text(char c)
{
    return lp_http_is_field_value(&c, 1);
}

static bool count(struct lp_chunked *c)
{
    c->overhead++;
    return c->overhead <= LP_CHUNKED_OVERHEAD_MAX;
}

static bool step_size(struct lp_chunked *c, char b)
{
    int digit = hex(b);

    if (++c->line > LP_CHUNKED_LINE_MAX)
        return false;
    if (c->state == LP_CHUNKED_SIZE && digit >= 0) {
        c->left = c->left * 16 + (uint64_t)digit;
        return ++c->digits <= DIGITS_MAX;
    }
    if (c->digits == 0)
        return false;
    if (b == '\r') {
        c->state = LP_CHUNKED_SIZE_LF;
        return true;
    }
    if (c->state == LP_CHUNKED_SIZE) {
        c->state = LP_CHUNKED_EXTENSION;
        return b == ';';
    }
    return is_text(b) && count(c);
}

static bool step_size_end(struct lp_chunked *c, char b)
{
    c->state = c->left > 0 ? LP_CHUNKED_DATA : LP_CHUNKED_TRAILER;
    if (c->left == 0)
        c->overhead = 0;
    c->line = 0;
    return b == '\n';
}

static bool step_data_end(struct lp_chunked *c, char b)
{
    if (c->state == LP_CHUNKED_DATA_CR) {
        c->state = LP_CHUNKED_DATA_LF;
        return b == '\r';
    }
    c->state = LP_CHUNKED_SIZE;
    c->digits = 0;
    c->line = 0;
    return b == '\n';
}

/* A trailer line is checked as a field line is; its bytes are not kept. */
static bool step_trailer(struct lp_chunked *c, char b)
{
    if (!count(c))
        return false;
    switch (c->state) {
    case LP_CHUNKED_TRAILER:
        c->state = b == '\r' ? LP_CHUNKED_END_LF : LP_CHUNKED_TRAILER_NAME;
        return b == '\r' || lp_http_is_token(&b, 1);
    case LP_CHUNKED_TRAILER_NAME:
        if (b == ':')
            c->state = LP_CHUNKED_TRAILER_VALUE;
        return b == ':' || lp_http_is_token(&b, 1);
    case LP_CHUNKED_TRAILER_VALUE:
        if (b == '\r')
            c->state = LP_CHUNKED_TRAILER_LF;
        return b == '\r' || is_text(b);
    case LP_CHUNKED_TRAILER_LF:
        c->state = LP_CHUNKED_TRAILER;
        return b == '\n';
    default:
        c->state = LP_CHUNKED_ENDED;
        return b == '\n';
    }
}

static bool step(struct lp_chunked *c, char b)
{
    switch (c->state) {
    case LP_CHUNKED_SIZE:
    case LP_CHUNKED_EXTENSION:
        return step_size(c, b);
    case LP_CHUNKED_SIZE_LF:
        return step_size_end(c, b);
    case LP_CHUNKED_DATA_CR:
    case LP_CHUNKED_DATA_LF:
        return step_data_end(c, b);
    default:
        return step_trailer(c, b);
    }
}

enum lp_chunked_result lp_chunked_read(struct lp_chunked *c, const char *bytes, size_t n,
                                       size_t *ret_used, const char **ret_piece, size_t *ret_len)
{
    size_t at = 0;

    while (c->state != LP_CHUNKED_ENDED) {
        if (at == n) {
            *ret_used = n;
            return LP_CHUNKED_MORE;
        }
        if (c->state == LP_CHUNKED_DATA) {
            size_t piece = c->left < n - at ? (size_t)c->left : n - at;
            c->left -= piece;
            if (c->left == 0)
                c->state = LP_CHUNKED_DATA_CR;
            *ret_piece = bytes + at;
            *ret_len = piece;
            *ret_used = at + piece;
            return LP_CHUNKED_BYTES;
        }
        if (!step(c, bytes[at++])) {
            *ret_used = at;
            return LP_CHUNKED_BAD;
        }
    }
    *ret_used = at;
    return LP_CHUNKED_END;
}

size_t lp_chunked_head(char to[LP_CHUNKED_HEAD], size_t n)
{
    static const char digits[] = "0123456789abcdef";
    char text[16];
    size_t len = 0;

    for (; n > 0; n >>= 4)
        text[len++] = digits[n & 15];
    for (size_t i = 0; i < len; i++)
        to[i] = text[len - 1 - i];
    to[len] = '\r';
    to[len + 1] = '\n';
    return len + 2;
}
