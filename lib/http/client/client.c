/* lib/http/client/client.c -- one libcurl easy handle. A multi handle keeps the connections alive
 * between requests, and its poll can wait for the stop's descriptor beside the socket, so that a
 * stop ends a request at once: the client's own, or the one of all who multiplex (mux.h). */
#include "http/client/client.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "http/client/client_parts.h"

#define CONNECT_TIMEOUT_MS 5000
#define TIMEOUT_MS 30000
#define MAX_RESPONSE (8 << 20)

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
    curl_easy_setopt(e, CURLOPT_NOPROXY, o->no_proxy ? o->no_proxy : "");
    curl_easy_setopt(e, CURLOPT_USERAGENT, o->user_agent ? o->user_agent : "lp/" LP_VERSION);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
                     c->mux ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(o->connect_timeout_ms ? o->connect_timeout_ms : CONNECT_TIMEOUT_MS));
    curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->why);
    set_connect_to(c, o->connect_to);
}

int lp_http_client_new(const struct lp_http_client_options *options,
                       struct lp_http_client **ret_client, struct lp_error *err)
{
    lp_http_global_init();
    struct lp_http_client *c = lp_alloc(sizeof *c);
    c->easy = curl_easy_init();
    c->mux = options->multiplex ? lp_http_share_mux(options->share) : NULL;
    c->multi = c->mux ? NULL : curl_multi_init();
    if (!c->easy || (!c->mux && !c->multi)) {
        lp_http_client_free(c);
        return lp_error_set(err, LP_E_INTERNAL, "libcurl cannot make a handle");
    }
    c->idle_ms = options->idle_timeout_ms ? options->idle_timeout_ms : TIMEOUT_MS;
    c->total_ms = options->total_timeout_ms ? options->total_timeout_ms : TIMEOUT_MS;
    c->max_response = options->max_response ? options->max_response : MAX_RESPONSE;
    c->stop = options->stop;
    if (c->multi)
        curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, 2L);
    set_wire(c, options);
    lp_http_client_callbacks(c);
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

    int r = lp_http_client_drive(&x, request);
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(c->easy, CURLINFO_HTTP_VERSION, &version);
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
