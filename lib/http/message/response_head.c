/* lib/http/message/response_head.c -- status line and framing. No state, any thread. */
#include "http/message/response_head.h"

#include <stddef.h>
#include <string.h>

#include "http/field.h"
#include "http/message/request_head.h"

#define STATUS_LINE 12 /* "HTTP/1.1 200" */

static int64_t refuse(struct lp_refusal *r, const char *why)
{
    *r = (struct lp_refusal){ 502, why };
    return -1;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.x NNN" and nothing, or a space and a reason. Some servers leave out the space. */
static bool read_status_line(const char *line, size_t n, struct lp_response_head *h)
{
    if (n < STATUS_LINE || memcmp(line, "HTTP/1.", 7) != 0 || (line[7] != '0' && line[7] != '1') ||
        line[8] != ' ' || !is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11]))
        return false;
    if (n > STATUS_LINE &&
        (line[STATUS_LINE] != ' ' || !lp_http_is_field_value(line + STATUS_LINE, n - STATUS_LINE)))
        return false;
    h->minor = (unsigned)(line[7] - '0');
    h->status = (unsigned)((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
    return h->status >= 100 && h->status <= 599;
}

/* What begins otherwise is not HTTP, and need not be waited for. */
static bool may_become_http(const char *bytes, size_t n)
{
    return memcmp(bytes, "HTTP/1.", n < 7 ? n : 7) == 0;
}

static int64_t read_framing(struct lp_response_head *h, bool to_head, struct lp_refusal *r)
{
    struct lp_framing framing;
    const char *why = NULL;

    if (!lp_fields_framing(&h->fields, &framing, &why))
        return refuse(r, why);
    h->declared_length = framing.length;
    if (to_head || h->status / 100 == 1 || h->status == 204 || h->status == 304)
        h->body_length = 0;
    else if (framing.chunked)
        h->body_length = LP_BODY_CHUNKED;
    else
        h->body_length = framing.length >= 0 ? framing.length : LP_BODY_TO_END;
    bool close = lp_fields_list_has(&h->fields, "Connection", "close", 5);
    bool keep = lp_fields_list_has(&h->fields, "Connection", "keep-alive", 10);
    h->keep_alive = !close && (h->minor == 1 || keep) && h->body_length != LP_BODY_TO_END;
    return 0;
}

int64_t lp_response_head_read(const char *bytes, size_t n, size_t max, bool to_head,
                              size_t *io_seen, struct lp_response_head *ret_head,
                              struct lp_refusal *ret_refusal)
{
    struct lp_response_head *h = ret_head;
    int64_t end = lp_fields_find_end(bytes, n, io_seen);

    if (!may_become_http(bytes, n))
        return refuse(ret_refusal, "the answer is not HTTP/1");
    if (end < 0)
        return refuse(ret_refusal, "a line ends with LF alone");
    if (n > max && (end == 0 || (size_t)end > max))
        return refuse(ret_refusal, "the head of the answer is too large");
    if (end == 0)
        return 0;
    memset(h, 0, offsetof(struct lp_response_head, fields)); /* that is 2 kB, and written next */
    const char *lf = memchr(bytes, '\n', (size_t)end);
    if (!read_status_line(bytes, (size_t)(lf - bytes) - 1, h))
        return refuse(ret_refusal, "malformed status line");
    if (!lp_fields_read(lf + 1, (size_t)(bytes + end - (lf + 1)), &h->fields, ret_refusal)) {
        ret_refusal->status = 502;
        return -1;
    }
    return read_framing(h, to_head, ret_refusal) < 0 ? -1 : end;
}
