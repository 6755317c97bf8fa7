/* The rules of the cors package that the existing platform uses, for every path. Any thread. */
#include "services/auth/http/cors.h"

#include <string.h>

bool cors_is_listed(const char *list, const char *origin)
{
    size_t n = strlen(origin);
    for (const char *at = list; at && n > 0; at = strchr(at, ',')) {
        at += strspn(at, ", ");
        if (strncmp(at, origin, n) == 0 && strchr(", ", at[n]))
            return true;
    }
    return false;
}

static void add_origin(struct lp_service_request *r, const char *origins)
{
    const char *origin = lp_http_header(r->x, "Origin");
    if (strcmp(origins, "*") == 0) {
        lp_http_reply_header(r->x, "Access-Control-Allow-Origin", "*");
        return;
    }
    lp_http_reply_header(r->x, "Vary", "Origin");
    if (origin && cors_is_listed(origins, origin))
        lp_http_reply_header(r->x, "Access-Control-Allow-Origin", origin);
}

bool cors_filter(struct lp_service_request *r, const char *origins)
{
    add_origin(r, origins);
    if (strcmp(r->method, "OPTIONS") != 0)
        return false;
    const char *wanted = lp_http_header(r->x, "Access-Control-Request-Headers");
    lp_http_reply_header(r->x, "Access-Control-Allow-Methods", "GET,HEAD,PUT,PATCH,POST,DELETE");
    if (wanted)
        lp_http_reply_header(r->x, "Access-Control-Allow-Headers", wanted);
    lp_http_reply(r->x, 204, NULL, "", 0);
    return true;
}
