/* lib/http/multipart.c -- looks for boundaries and copies nothing. Pure. */
#include "http/multipart.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define BOUNDARY_MAX 70 /* RFC 2046, 5.1.1 */
#define HEAD_MAX 2048   /* bytes of a part's header lines; of a longer head nothing is read */

static bool read_delimiter(struct lp_multipart *m, const char *type)
{
    if (!type || strncasecmp(type, "multipart/form-data", 19) != 0 || !strchr("; \t", type[19]))
        return false;
    const char *at = strcasestr(type, "boundary=");
    if (!at)
        return false;
    at += strlen("boundary=");
    bool quoted = *at == '"';
    at += quoted;
    size_t n = strcspn(at, quoted ? "\"" : "; \t");
    if (n == 0 || n > BOUNDARY_MAX)
        return false;
    snprintf(m->delimiter, sizeof m->delimiter, "\r\n--%.*s", (int)n, at);
    m->delimiter_len = strlen(m->delimiter);
    return true;
}

int lp_multipart_begin(struct lp_multipart *m, const char *content_type, const char *body,
                       size_t len, struct lp_error *err)
{
    *m = (struct lp_multipart){ .at = body, .end = body + len };
    if (!read_delimiter(m, content_type))
        return lp_error_set(err, LP_E_INVALID,
                            "Content-Type must be multipart/form-data with a boundary of 1 to %d "
                            "bytes",
                            BOUNDARY_MAX);
    size_t n = m->delimiter_len - 2;
    if (len < n || memcmp(body, m->delimiter + 2, n) != 0)
        return lp_error_set(err, LP_E_INVALID, "the form does not begin with its boundary");
    m->at += n;
    return 0;
}

/* A parameter's value at `at`, a token or a quoted string, into `to` where it fits, else "";
 * returns what follows it. */
static const char *read_value(const char *at, char *to, size_t size)
{
    bool quoted = *at == '"';
    size_t n = 0;

    for (at += quoted; *at && (quoted ? *at != '"' : !strchr("; \t", *at)); at++) {
        if (quoted && *at == '\\' && at[1])
            at++;
        if (n + 1 < size)
            to[n] = *at;
        n++;
    }
    to[n < size ? n : 0] = '\0';
    return at + (quoted && *at == '"');
}

/* The parameters of form-data; `at` is behind it. */
static void read_parameters(const char *at, struct lp_multipart_part *part)
{
    char other[2] = "";

    while (*(at += strspn(at, "; \t"))) {
        size_t n = strcspn(at, "=; \t");
        bool is_name = n == 4 && strncasecmp(at, "name", n) == 0;
        bool is_file = strncasecmp(at, "filename", 8) == 0 && (n == 8 || (n == 9 && at[8] == '*'));
        at += n;
        if (*at != '=')
            continue;
        part->is_file = part->is_file || is_file;
        at = read_value(at + 1, is_name ? part->name : other, is_name ? LP_MULTIPART_NAME : 2);
    }
}

/* The head is [head, head + n): its lines, without the empty one. */
static void read_head(const char *head, size_t n, struct lp_multipart_part *part)
{
    static const char field[] = "content-disposition:", kind[] = "form-data";
    char text[HEAD_MAX + 1], *rest = text, *line;

    if (n > HEAD_MAX || memchr(head, '\0', n))
        return;
    memcpy(text, head, n);
    text[n] = '\0';
    while ((line = strsep(&rest, "\r\n"))) {
        if (strncasecmp(line, field, sizeof field - 1) != 0)
            continue;
        line += sizeof field - 1;
        line += strspn(line, " \t");
        if (strncasecmp(line, kind, sizeof kind - 1) == 0)
            read_parameters(line + sizeof kind - 1, part);
    }
}

int lp_multipart_next(struct lp_multipart *m, struct lp_multipart_part *ret_part,
                      struct lp_error *err)
{
    struct lp_multipart_part part = { .name = "" };

    if (m->end - m->at >= 2 && memcmp(m->at, "--", 2) == 0)
        return lp_error_set(err, LP_E_NOT_FOUND, "the form has no more parts");
    bool begins = m->end - m->at >= 2 && memcmp(m->at, "\r\n", 2) == 0;
    const char *head = m->at + 2, *next = NULL;
    const char *bytes = begins ? memmem(m->at, (size_t)(m->end - m->at), "\r\n\r\n", 4) : NULL;
    if (bytes) { /* an empty part has the line end of its head before the boundary */
        bytes += 4;
        next = memmem(bytes - 2, (size_t)(m->end - bytes) + 2, m->delimiter, m->delimiter_len);
    }
    if (!next)
        return lp_error_set(err, LP_E_INVALID, "the form ends within a part");
    if (bytes - 4 > head)
        read_head(head, (size_t)(bytes - 4 - head), &part);
    part.bytes = bytes;
    part.len = next > bytes ? (size_t)(next - bytes) : 0;
    m->at = next + m->delimiter_len;
    *ret_part = part;
    return 0;
}
