/* lib/http/message/fields.c -- field lines, strictly. No state, any thread. */
#include "http/message/fields.h"

#include <string.h>
#include <strings.h>

#include "http/field.h"

static bool fail(struct lp_refusal *r, unsigned status, const char *why)
{
    *r = (struct lp_refusal){ status, why };
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* One line without its CR LF. */
static bool read_line(const char *line, size_t n, struct lp_field *ret)
{
    const char *colon = memchr(line, ':', n);
    size_t name = colon ? (size_t)(colon - line) : 0, at = name + 1;

    if (!colon || !lp_http_is_token(line, name) || !lp_http_is_field_value(line + at, n - at))
        return false;
    while (at < n && is_blank(line[at]))
        at++;
    while (n > at && is_blank(line[n - 1]))
        n--;
    *ret = (struct lp_field){ line, line + at, (uint32_t)name, (uint32_t)(n - at) };
    return true;
}

bool lp_fields_read(const char *bytes, size_t n, struct lp_fields *ret_fields,
                    struct lp_refusal *ret_refusal)
{
    const char *end = bytes + n;

    ret_fields->n = 0;
    while (bytes < end) {
        const char *lf = memchr(bytes, '\n', (size_t)(end - bytes));
        if (!lf || lf == bytes || lf[-1] != '\r')
            return fail(ret_refusal, 400, "malformed header line");
        size_t line = (size_t)(lf - 1 - bytes);
        if (line == 0)
            return lf + 1 == end || fail(ret_refusal, 400, "malformed header line");
        if (ret_fields->n == LP_FIELDS_MAX)
            return fail(ret_refusal, 431, "more than 100 header fields");
        if (!read_line(bytes, line, &ret_fields->list[ret_fields->n]))
            return fail(ret_refusal, 400, "malformed header line");
        ret_fields->n++;
        bytes = lf + 1;
    }
    return fail(ret_refusal, 400, "malformed header line");
}

int64_t lp_fields_find_end(const char *bytes, size_t n, size_t *io_seen)
{
    size_t at = *io_seen;

    while (at < n) {
        const char *lf = memchr(bytes + at, '\n', n - at);
        if (!lf)
            break;
        at = (size_t)(lf - bytes);
        if (at == 0 || bytes[at - 1] != '\r')
            return -1;
        if (at >= 3 && bytes[at - 2] == '\n' && bytes[at - 3] == '\r')
            return (int64_t)at + 1;
        at++;
    }
    *io_seen = n;
    return 0;
}

void lp_field_write(const struct lp_field *f, struct lp_buf *out)
{
    const char *colon = f->name + f->name_len;

    if (f->value == colon + 2 && colon[1] == ' ') { /* as it came: nearly always */
        lp_buf_add(out, f->name, f->name_len + 2 + (size_t)f->value_len);
    } else {
        lp_buf_add(out, f->name, f->name_len);
        lp_buf_add(out, ": ", 2);
        lp_buf_add(out, f->value, f->value_len);
    }
    lp_buf_add(out, "\r\n", 2);
}

const struct lp_field *lp_fields_find(const struct lp_fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->n; i++) {
        if (lp_field_is(&fields->list[i], name))
            return &fields->list[i];
    }
    return NULL;
}

size_t lp_fields_count(const struct lp_fields *fields, const char *name)
{
    size_t count = 0;

    for (size_t i = 0; i < fields->n; i++)
        count += lp_field_is(&fields->list[i], name);
    return count;
}

static bool value_lists(const struct lp_field *f, const char *member, size_t member_len)
{
    const char *p = f->value, *end = p + f->value_len;

    while (p < end) {
        const char *comma = memchr(p, ',', (size_t)(end - p)), *stop = comma ? comma : end;
        const char *last = stop;
        while (p < last && is_blank(*p))
            p++;
        while (last > p && is_blank(last[-1]))
            last--;
        if ((size_t)(last - p) == member_len && strncasecmp(p, member, member_len) == 0)
            return true;
        p = stop + 1;
    }
    return false;
}

bool lp_fields_list_has(const struct lp_fields *fields, const char *name, const char *member,
                        size_t member_len)
{
    for (size_t i = 0; i < fields->n; i++) {
        if (lp_field_is(&fields->list[i], name) &&
            value_lists(&fields->list[i], member, member_len))
            return true;
    }
    return false;
}

bool lp_fields_read_length(const struct lp_field *f, int64_t *ret_length)
{
    int64_t length = 0;

    if (f->value_len == 0 || f->value_len > 18)
        return false;
    for (size_t i = 0; i < f->value_len; i++) {
        if (f->value[i] < '0' || f->value[i] > '9')
            return false;
        length = length * 10 + (f->value[i] - '0');
    }
    *ret_length = length;
    return true;
}

bool lp_fields_framing(const struct lp_fields *fields, struct lp_framing *ret_framing,
                       const char **ret_why)
{
    struct lp_framing framing = { .length = -1 };
    bool sound = true;

    for (size_t i = 0; i < fields->n && sound; i++) {
        const struct lp_field *f = &fields->list[i];
        if (lp_field_is(f, "Content-Length")) {
            *ret_why = "Content-Length is not one decimal number";
            sound = framing.length < 0 && lp_fields_read_length(f, &framing.length);
        } else if (lp_field_is(f, "Transfer-Encoding")) {
            *ret_why = "Transfer-Encoding is not chunked alone";
            sound =
                !framing.chunked && f->value_len == 7 && strncasecmp(f->value, "chunked", 7) == 0;
            framing.chunked = true;
        }
    }
    if (sound && framing.length >= 0 && framing.chunked) {
        *ret_why = "both Content-Length and Transfer-Encoding";
        sound = false;
    }
    *ret_framing = framing;
    return sound;
}
