/*
 * Content negotiation for discovery.h. Threads: none of its own.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "autoscaler/api/discovery.h"

/* A piece of the header without the blanks around it. */
struct piece {
    const char *at;
    size_t n;
};

/* Cuts the text before the next `separator` off *rest. */
static struct piece next_piece(const char **rest, const char *end, char separator)
{
    const char *start = *rest;
    const char *stop = memchr(start, separator, (size_t)(end - start));
    if (!stop)
        stop = end;
    *rest = stop < end ? stop + 1 : end;
    while (start < stop && isspace((unsigned char)*start))
        start++;
    while (stop > start && isspace((unsigned char)stop[-1]))
        stop--;
    return (struct piece){ start, (size_t)(stop - start) };
}

static bool is(struct piece p, const char *text)
{
    return p.n == strlen(text) && strncasecmp(p.at, text, p.n) == 0;
}

/* What the parameters of one media range ask for. */
struct wish {
    bool refused;  /* q=0 */
    bool as_other; /* a form that we do not write */
    bool group, as_discovery, v2, v2beta1;
};

static struct wish read_parameters(const char *at, const char *end)
{
    struct wish w = { 0 };
    while (at < end) {
        struct piece p = next_piece(&at, end, ';');
        if (is(p, "q=0") || is(p, "q=0.0") || is(p, "q=0.00") || is(p, "q=0.000"))
            w.refused = true;
        else if (is(p, "g=apidiscovery.k8s.io"))
            w.group = true;
        else if (is(p, "as=APIGroupDiscoveryList"))
            w.as_discovery = true;
        else if (p.n > 3 && strncasecmp(p.at, "as=", 3) == 0)
            w.as_other = true;
        else if (is(p, "v=v2"))
            w.v2 = true;
        else if (is(p, "v=v2beta1"))
            w.v2beta1 = true;
    }
    return w;
}

static enum discovery_format format_of(struct piece range, bool discovery)
{
    const char *at = range.at, *end = range.at + range.n;
    struct piece type = next_piece(&at, end, ';');
    struct wish w = read_parameters(at, end);
    bool json = is(type, "application/json") || is(type, "application/*") || is(type, "*/*");
    if (!json || w.refused || w.as_other)
        return DISCOVERY_NONE;
    if (!w.as_discovery)
        return DISCOVERY_JSON;
    if (!discovery || !w.group)
        return DISCOVERY_NONE;
    return w.v2 ? DISCOVERY_V2 : w.v2beta1 ? DISCOVERY_V2BETA1 : DISCOVERY_NONE;
}

enum discovery_format discovery_negotiate(const char *accept, bool discovery)
{
    if (!accept || *accept == '\0')
        return DISCOVERY_JSON;
    const char *at = accept, *end = accept + strlen(accept);
    while (at < end) {
        enum discovery_format f = format_of(next_piece(&at, end, ','), discovery);
        if (f != DISCOVERY_NONE)
            return f;
    }
    return DISCOVERY_NONE;
}
