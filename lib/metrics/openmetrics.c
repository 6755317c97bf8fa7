/* lib/metrics/openmetrics.c -- which of the two formats a client asks for. Pure. */
#include "metrics/openmetrics.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One member of the list: [at, end). */
struct range {
    const char *at, *end;
};

static struct range trim(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    while (at < end && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return (struct range){ at, end };
}

static bool is_text(struct range r, const char *text)
{
    size_t n = strlen(text);
    return (size_t)(r.end - r.at) == n && strncasecmp(r.at, text, n) == 0;
}

/* Up to `mark`, or to the end; `*io_rest` goes on behind it. */
static struct range cut(struct range *io_rest, char mark)
{
    size_t n = (size_t)(io_rest->end - io_rest->at);
    const char *stop = n > 0 ? memchr(io_rest->at, mark, n) : NULL;
    struct range part = trim(io_rest->at, stop ? stop : io_rest->end);

    io_rest->at = stop ? stop + 1 : io_rest->end;
    return part;
}

/* 0 to 1000. RFC 9110, 12.4.2; what is no number is 0. */
static int quality(struct range text)
{
    int q = 0, unit = 1000;

    if (text.at == text.end || (*text.at != '0' && *text.at != '1') ||
        (text.at + 1 < text.end && text.at[1] != '.'))
        return 0;
    q = *text.at == '1' ? 1000 : 0;
    for (const char *c = text.at + 2; c < text.end && unit > 1 && *c >= '0' && *c <= '9'; c++) {
        unit /= 10;
        q += (*c - '0') * unit;
    }
    return q > 1000 ? 1000 : q;
}

/* The quality of what the member names; *ret_known: it is a version that we write. */
static int read_member(struct range member, struct range *ret_type, bool *ret_known)
{
    int q = 1000;

    *ret_type = cut(&member, ';');
    *ret_known = true;
    while (member.at < member.end) {
        struct range value = cut(&member, ';');
        struct range name = cut(&value, '=');
        value = trim(value.at, value.end);
        if (is_text(name, "q"))
            q = quality(value);
        else if (is_text(name, "version"))
            *ret_known = is_text(value, "1.0.0") || is_text(value, "\"1.0.0\"");
    }
    return q;
}

bool lp_openmetrics_is_wanted(const char *accept)
{
    struct range rest = { accept, accept ? accept + strlen(accept) : NULL };
    int open = 0, text = 0;

    while (rest.at < rest.end) {
        struct range type;
        bool known;
        int q = read_member(cut(&rest, ','), &type, &known);
        if (is_text(type, "application/openmetrics-text") && known && q > open)
            open = q;
        else if (is_text(type, "text/plain") && q > text)
            text = q;
    }
    return open > 0 && open >= text;
}
