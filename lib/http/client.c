/* lib/http/client.c -- one libcurl easy handle, driven by a multi handle of its own: the multi
 * keeps the connections alive between requests, and its poll can wait for the stop's descriptor
 * beside the socket, so that a stop ends a request at once. Idle and total time are checked in that
 * loop. */
#include "http/client.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/heartbeat.h"
#include "base/limits.h"
#include "http/share.h"

#define CONNECT_TIMEOUT_MS 5000
#define TIMEOUT_MS 30000
#define MAX_RESPONSE (8 << 20)
#define RETRY_AFTER_MAX_MS 3600000
/* A peer that went away without a word is noticed after about KEEP_IDLE_S + USER_TIMEOUT_MS. */
#define KEEP_IDLE_S 15
#define KEEP_INTERVAL_S 5
#define USER_TIMEOUT_MS 20000

struct lp_http_client {
    CURL *easy;
    CURLM *multi;
    struct curl_slist *connect_to;
    struct lp_http_share *share;
    char *ca_pem, *cert_pem, *key_pem; /* curl borrows them */
    int64_t idle_ms, total_ms;
    size_t max_response;
    struct lp_stop *stop;
    bool reset; /* sockets that are closed now are reset */
    char why[CURL_ERROR_SIZE];
};

/* What the callbacks of one request share. `failed` holds the code that a callback failed with. */
struct exchange {
    struct lp_http_client *c;
    struct lp_http_response *response;
    lp_http_sink *sink;
    void *user;
    struct lp_error *err;
    const char *url;
    int failed;
    size_t header_bytes;
    curl_off_t moved;
    int64_t active_ms;
};

/* ---- callbacks ---- */

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
    const struct lp_http_client *c = user;
    struct linger at_once = { .l_onoff = 1 };

    if (c->reset)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return close(fd);
}

/* ---- life ---- */

static void set_pem(CURL *easy, CURLoption option, char *pem)
{
    if (!pem)
        return;
    struct curl_blob blob = { .data = pem, .len = strlen(pem), .flags = CURL_BLOB_NOCOPY };
    curl_easy_setopt(easy, option, &blob);
}

static void set_certificates(struct lp_http_client *c, const struct lp_http_client_options *o)
{
    if (o->ca_pem) { /* then nobody else is trusted */
        curl_easy_setopt(c->easy, CURLOPT_CAINFO, NULL);
        curl_easy_setopt(c->easy, CURLOPT_CAPATH, NULL);
    }
    if (!o->proxy && lp_http_share_identify(o->share, c->easy))
        return; /* a proxy would be asked for the same */
    c->ca_pem = lp_strdup(o->ca_pem);
    c->cert_pem = lp_strdup(o->cert_pem);
    c->key_pem = lp_strdup(o->key_pem);
    set_pem(c->easy, CURLOPT_CAINFO_BLOB, c->ca_pem);
    set_pem(c->easy, CURLOPT_SSLCERT_BLOB, c->cert_pem);
    set_pem(c->easy, CURLOPT_SSLKEY_BLOB, c->key_pem);
}

static void set_tls(struct lp_http_client *c, const struct lp_http_client_options *o)
{
    set_certificates(c, o);
    curl_easy_setopt(c->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYPEER, o->insecure_skip_verify ? 0L : 1L);
    curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYHOST, o->insecure_skip_verify ? 0L : 2L);
}

static void set_connect_to(struct lp_http_client *c, const char *host_and_port)
{
    if (!host_and_port)
        return;
    lp_auto_free char *rule = lp_sprintf("::%s", host_and_port);
    c->connect_to = curl_slist_append(NULL, rule);
    curl_easy_setopt(c->easy, CURLOPT_CONNECT_TO, c->connect_to);
}

static void set_wire(struct lp_http_client *c, const struct lp_http_client_options *o)
{
    CURL *e = c->easy;

    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L); /* never wait for a name server at the end */
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(e, CURLOPT_PROXY, o->proxy ? o->proxy : "");
    curl_easy_setopt(e, CURLOPT_USERAGENT, o->user_agent ? o->user_agent : "lp/" LP_VERSION);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
                     o->http2 ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(o->connect_timeout_ms ? o->connect_timeout_ms : CONNECT_TIMEOUT_MS));
    curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPIDLE, (long)KEEP_IDLE_S);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPINTVL, (long)KEEP_INTERVAL_S);
    curl_easy_setopt(e, CURLOPT_SOCKOPTFUNCTION, on_socket);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, c);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->why);
    set_connect_to(c, o->connect_to);
}

int lp_http_client_new(const struct lp_http_client_options *options,
                       struct lp_http_client **ret_client, struct lp_error *err)
{
    lp_http_global_init();
    struct lp_http_client *c = lp_alloc(sizeof *c);
    c->easy = curl_easy_init();
    c->multi = curl_multi_init();
    if (!c->easy || !c->multi) {
        lp_http_client_free(c);
        return lp_error_set(err, LP_E_INTERNAL, "libcurl cannot make a handle");
    }
    c->idle_ms = options->idle_timeout_ms ? options->idle_timeout_ms : TIMEOUT_MS;
    c->total_ms = options->total_timeout_ms ? options->total_timeout_ms : TIMEOUT_MS;
    c->max_response = options->max_response ? options->max_response : MAX_RESPONSE;
    c->stop = options->stop;
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, 2L);
    set_wire(c, options);
    set_tls(c, options);
    if (options->share) {
        c->share = options->share;
        atomic_fetch_add(&c->share->users, 1);
        curl_easy_setopt(c->easy, CURLOPT_SHARE, c->share->curl);
    }
    *ret_client = c;
    return 0;
}

void lp_http_client_free(struct lp_http_client *c)
{
    if (!c)
        return;
    curl_easy_cleanup(c->easy);
    curl_multi_cleanup(c->multi);
    lp_http_share_free(c->share);
    curl_slist_free_all(c->connect_to);
    free(c->ca_pem);
    free(c->cert_pem);
    free(c->key_pem);
    free(c);
}

void lp_http_response_done(struct lp_http_response *r)
{
    lp_buf_done(&r->body);
}

/* ---- a request ---- */

/* "https://host:port" of the URL: what a message may name (the query may hold what it may not). */
static int peer_length(const char *url)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    return (int)(host - url) + (int)strcspn(host, "/?#");
}

#define fail(x, code, ...) fail_at((x), (code), __LINE__, __VA_ARGS__)
__attribute__((format(printf, 4, 5))) static int fail_at(const struct exchange *x, int code,
                                                         int line, const char *fmt, ...)
{
    char text[CURL_ERROR_SIZE + 64];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return lp_error_set_at(x->err, code, __FILE__, line, "%.*s: %s", peer_length(x->url), x->url,
                           text);
}

static int code_of(CURLcode result)
{
    switch (result) {
    case CURLE_OPERATION_TIMEDOUT:
        return LP_E_TIMEOUT;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
        return LP_E_INVALID;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_FAILED_INIT:
        return LP_E_INTERNAL;
    default:
        return LP_E_UNAVAILABLE;
    }
}

static int finish(const struct exchange *x)
{
    int left;
    const CURLMsg *m = curl_multi_info_read(x->c->multi, &left);
    CURLcode result = m && m->msg == CURLMSG_DONE ? m->data.result : CURLE_FAILED_INIT;

    if (x->failed < 0)
        return lp_error_wrap(x->err, "%.*s", peer_length(x->url), x->url);
    if (result == CURLE_OK)
        return 0;
    return fail(x, code_of(result), "%s", x->c->why[0] ? x->c->why : curl_easy_strerror(result));
}

/* How long the loop may sleep; 0 or less where a limit has passed. */
static int64_t time_left(const struct exchange *x, int64_t end_ms, int64_t now_ms)
{
    int64_t idle = x->active_ms + x->c->idle_ms - now_ms;
    return end_ms < 0 || idle < end_ms - now_ms ? idle : end_ms - now_ms;
}

/* The earlier of the end by the total time and the one that the caller moves; -1: neither. */
static int64_t end_of(int64_t end_ms, const struct lp_http_request *request)
{
    if (!request->until_ms)
        return end_ms;
    int64_t until_ms = request->until_ms(request->until_user);
    return end_ms < 0 || until_ms < end_ms ? until_ms : end_ms;
}

/* Before anything is sent, so that a process that was stopped meanwhile does not go on where it
 * was. *ret_left: how long the loop may sleep. */
static int check_time(const struct exchange *x, const struct lp_http_request *request,
                      int64_t total_end, int64_t start, int64_t *ret_left)
{
    int64_t end = end_of(total_end, request), now = lp_clock_ms();

    if (lp_stop_requested(x->c->stop))
        return fail(x, LP_E_CANCELED, "stopped");
    *ret_left = time_left(x, end, now);
    if (*ret_left > 0)
        return 0;
    if (end >= 0 && now >= end)
        return fail(x, LP_E_TIMEOUT, "not done within %lld ms", (long long)(now - start));
    return fail(x, LP_E_TIMEOUT, "silent for %lld ms", (long long)x->c->idle_ms);
}

static int drive(struct exchange *x, const struct lp_http_request *request)
{
    struct lp_http_client *c = x->c;
    struct curl_waitfd stop = { .fd = c->stop ? lp_stop_fd(c->stop) : -1,
                                .events = CURL_WAIT_POLLIN };
    int64_t total_ms = request->total_timeout_ms ? request->total_timeout_ms : c->total_ms;
    int64_t start = lp_clock_ms(), total_end = total_ms < 0 ? -1 : start + total_ms;
    int running = 1;

    x->active_ms = start;
    for (;;) {
        int64_t left = 0;
        lp_heartbeat();
        int r = check_time(x, request, total_end, start, &left);
        if (r < 0)
            return r;
        CURLMcode result = curl_multi_perform(c->multi, &running);
        if (result != CURLM_OK)
            return fail(x, LP_E_INTERNAL, "%s", curl_multi_strerror(result));
        if (running == 0)
            return finish(x);
        curl_multi_poll(c->multi, &stop, c->stop ? 1 : 0, left < 1000 ? (int)left : 1000, NULL);
    }
}

static bool has_header(const char *const *headers, const char *name)
{
    for (; headers && *headers; headers++) {
        size_t n = strlen(name);
        if (strncasecmp(*headers, name, n) == 0 && (*headers)[n] == ':')
            return true;
    }
    return false;
}

/* NULL where there is no memory for it. */
static struct curl_slist *make_headers(const struct lp_http_request *r)
{
    /* No "Expect: 100-continue" round trip, no content type that nobody chose. */
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    if (list && r->body && !has_header(r->headers, "content-type"))
        list = curl_slist_append(list, "Content-Type:");
    for (const char *const *h = r->headers; list && h && *h; h++) {
        struct curl_slist *longer = curl_slist_append(list, *h);
        if (!longer)
            curl_slist_free_all(list);
        list = longer;
    }
    return list;
}

static void set_request(CURL *e, const struct lp_http_request *r, struct curl_slist *headers)
{
    bool head = strcmp(r->method, "HEAD") == 0;

    curl_easy_setopt(e, CURLOPT_URL, r->url);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(e, CURLOPT_HTTPGET, 1L); /* forgets the body of the last request */
    if (r->body) {
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, r->body);
    }
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, head ? NULL : r->method);
    if (head)
        curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
}

int lp_http_stream(struct lp_http_client *c, const struct lp_http_request *request,
                   lp_http_sink *sink, void *user, struct lp_http_response *ret_response,
                   struct lp_error *err)
{
    struct exchange x = {
        .c = c, .response = ret_response, .sink = sink, .user = user, .err = err
    };
    long status = 0, version = 0;

    x.url = request->url;
    lp_buf_reset(&ret_response->body);
    ret_response->body.max = c->max_response;
    ret_response->status = ret_response->retry_after_ms = 0;
    ret_response->content_type[0] = ret_response->etag[0] = '\0';
    struct curl_slist *headers = make_headers(request);
    if (!headers)
        return lp_error_set(err, LP_E_INTERNAL, "no memory for headers");
    set_request(c->easy, request, headers);
    curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, &x);
    curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, &x);
    curl_easy_setopt(c->easy, CURLOPT_XFERINFODATA, &x);
    c->why[0] = '\0';

    curl_multi_add_handle(c->multi, c->easy);
    int r = drive(&x, request);
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(c->easy, CURLINFO_HTTP_VERSION, &version);
    /* HTTP/2 would keep the connection on which nothing came back, and use it again. */
    c->reset = r < 0 && x.failed == 0;
    curl_easy_setopt(c->easy, CURLOPT_FORBID_REUSE, c->reset ? 1L : 0L);
    curl_multi_remove_handle(c->multi, c->easy);
    c->reset = false;
    curl_easy_setopt(c->easy, CURLOPT_FORBID_REUSE, 0L);
    curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    ret_response->status = (int)status;
    ret_response->http_version = version == CURL_HTTP_VERSION_2_0   ? 20
                                 : version == CURL_HTTP_VERSION_1_1 ? 11
                                 : version == CURL_HTTP_VERSION_1_0 ? 10
                                                                    : 0;
    return r;
}

int lp_http_do(struct lp_http_client *c, const struct lp_http_request *request,
               struct lp_http_response *ret_response, struct lp_error *err)
{
    return lp_http_stream(c, request, NULL, NULL, ret_response, err);
}
