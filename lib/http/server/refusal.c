/* lib/http/server/refusal.c -- the answer to a head that libmicrohttpd never sees. Runs in the
 * acceptor's thread. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "http/server/server_parts.h"

static void add_date(struct lp_buf *out)
{
    char date[40]; /* IMF-fixdate (RFC 9110, 5.6.7) */
    struct tm tm;
    time_t now = time(NULL);

    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
    lp_buf_printf(out, "Date: %s\r\n", date);
}

static void add_body(struct lp_buf *body, const struct lp_http_server_options *o,
                     const struct lp_refusal *refusal)
{
    const char *own = o->refusal ? o->refusal((int)refusal->status, refusal->why, o->user) : NULL;

    if (own)
        lp_buf_str(body, own);
    else /* `why` is a literal without quotes */
        lp_buf_printf(body, "{\"error\":\"%s\"}", refusal->why);
}

void lp_http_refuse_head(int fd, const char *head, size_t n, const struct lp_refusal *refusal,
                         void *user)
{
    struct lp_http_server *s = user;
    lp_auto_buf struct lp_buf body = LP_BUF_INIT(4096), out = LP_BUF_INIT(8192);
    bool has_body = n < 5 || memcmp(head, "HEAD ", 5) != 0;

    add_body(&body, &s->options, refusal);
    lp_buf_printf(&out, "HTTP/1.1 %u %s\r\n", refusal->status,
                  MHD_get_reason_phrase_for(refusal->status));
    add_date(&out);
    lp_buf_printf(&out,
                  "Connection: close\r\nContent-Type: application/json; charset=utf-8\r\n"
                  "Content-Length: %zu\r\n\r\n",
                  body.len);
    if (has_body)
        lp_buf_add(&out, body.ptr, body.len);
    /* Into an empty socket buffer it fits at once; a client that has gone does not read it. */
    ssize_t sent = send(fd, out.ptr, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent;
    lp_http_guard_take(s->guard, fd);
    if (s->options.answered)
        s->options.answered(NULL, (int)refusal->status, has_body ? body.len : 0, s->options.user);
}
