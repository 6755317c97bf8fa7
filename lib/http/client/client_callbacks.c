/* lib/http/client/client_callbacks.c -- what libcurl calls during a request: of headers the few
 * that are wanted are kept, bodies are bounded. Threads: the one that drives the request. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "http/client/client_parts.h"

#define RETRY_AFTER_MAX_MS 3600000
/* A peer that went away without a word is noticed after about KEEP_IDLE_S + USER_TIMEOUT_MS. */
#define KEEP_IDLE_S 15
#define KEEP_INTERVAL_S 5
#define USER_TIMEOUT_MS 20000

static int header_number(const char *text, int max)
{
    int n = 0;
    for (; *text >= '0' && *text <= '9' && n < max; text++)
        n = n * 10 + (*text - '0');
    return n < max ? n : max;
}

static int parse_retry_after(const char *text)
{
    if (*text >= '0' && *text <= '9')
        return header_number(text, RETRY_AFTER_MAX_MS / 1000) * 1000;
    time_t when = curl_getdate(text, NULL);
    int64_t left = (int64_t)when * 1000 - lp_clock_wall_ms();
    if (when < 0 || left <= 0)
        return 0;
    return left < RETRY_AFTER_MAX_MS ? (int)left : RETRY_AFTER_MAX_MS;
}

/* True, with the value copied, where the header line is `name`. */
static bool header_is(const char *line, size_t n, const char *name, size_t room, char *ret_value)
{
    size_t at = strlen(name);

    if (n <= at || strncasecmp(line, name, at) != 0 || line[at] != ':')
        return false;
    for (at++; at < n && (line[at] == ' ' || line[at] == '\t'); at++)
        ;
    while (n > at && strchr("\r\n \t", line[n - 1]))
        n--;
    size_t len = n - at < room ? n - at : room - 1;
    memcpy(ret_value, line + at, len);
    ret_value[len] = '\0';
    return true;
}

static size_t on_header(char *line, size_t size, size_t n, void *user)
{
    struct exchange *x = user;
    struct lp_http_response *r = x->response;
    char value[128];

    n *= size;
    x->active_ms = lp_clock_ms();
    x->header_bytes += n;
    if (x->header_bytes > LP_LIMIT_HTTP_HEADERS) {
        x->failed = lp_error_set(x->err, LP_E_TOO_LARGE, "answer's headers over %d bytes",
                                 LP_LIMIT_HTTP_HEADERS);
        return 0;
    }
    if (n > 5 && memcmp(line, "HTTP/", 5) == 0) { /* also after an interim 1xx answer */
        r->content_type[0] = r->etag[0] = '\0';
        r->retry_after_ms = 0;
    } else if (header_is(line, n, "retry-after", sizeof value, value)) {
        r->retry_after_ms = parse_retry_after(value);
    } else if (!header_is(line, n, "content-type", sizeof r->content_type, r->content_type)) {
        header_is(line, n, "etag", sizeof r->etag, r->etag);
    }
    return n;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *user)
{
    struct exchange *x = user;
    long status = 0;

    n *= size;
    curl_easy_getinfo(x->c->easy, CURLINFO_RESPONSE_CODE, &status);
    if (x->sink && status / 100 == 2) {
        x->failed = x->sink(bytes, n, x->user, x->err);
        return x->failed < 0 ? 0 : n;
    }
    lp_buf_add(&x->response->body, bytes, n);
    if (!x->response->body.overflowed)
        return n;
    x->failed =
        lp_error_set(x->err, LP_E_TOO_LARGE, "answer over %zu bytes", x->response->body.max);
    return 0;
}

static int on_progress(void *user, curl_off_t to_get, curl_off_t got, curl_off_t to_put,
                       curl_off_t put)
{
    struct exchange *x = user;

    (void)to_get;
    (void)to_put;
    if (got + put != x->moved) {
        x->moved = got + put;
        x->active_ms = lp_clock_ms();
    }
    return 0;
}

static int on_socket(void *user, curl_socket_t fd, curlsocktype purpose)
{
    unsigned timeout = USER_TIMEOUT_MS;

    (void)user;
    (void)purpose;
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
    return CURL_SOCKOPT_OK;
}

/* The bytes of a request that was given up may still be in the kernel, which would go on trying to
 * send them after the close. */
static int on_close(void *user, curl_socket_t fd)
{
    const bool *reset = user;
    struct linger at_once = { .l_onoff = 1 };

    if (*reset)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return close(fd);
}

void lp_http_client_callbacks(struct lp_http_client *c)
{
    CURL *e = c->easy;

    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPIDLE, (long)KEEP_IDLE_S);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPINTVL, (long)KEEP_INTERVAL_S);
    curl_easy_setopt(e, CURLOPT_SOCKOPTFUNCTION, on_socket);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    /* A connection of the mux may outlive the client that made it. */
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, c->mux ? lp_http_mux_resets(c->mux) : &c->reset);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
}
