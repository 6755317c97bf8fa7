/* services/progress/page.c -- parts of a list: query, Link, ETag. No state. */
#include "services/progress/page.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define MAX_PAGE 1000

static int read_limit(const char *limit, struct page *page, struct lp_error *err)
{
    char *end;

    errno = 0;
    long n = strtol(limit, &end, 10);
    if (!isdigit((unsigned char)limit[0]) || *end || errno || n < 1 || n > MAX_PAGE)
        return lp_error_set(err, LP_E_INVALID,
                            "limit must be a whole number from 1 to %d, not \"%.40s\"", MAX_PAGE,
                            limit);
    page->limit = n;
    return 0;
}

int page_read(struct lp_service_request *r, struct store *store, const char *user_id,
              struct page *page, struct lp_error *err)
{
    const char *limit = lp_http_query(r->x, "limit"), *before = lp_http_query(r->x, "before");
    bson_oid_t id;

    int code = limit ? read_limit(limit, page, err) : 0;
    if (code < 0 || !before)
        return code;
    if (bson_oid_is_valid(before, strlen(before))) {
        bson_oid_init_from_string(&id, before);
        return store_place(store, user_id, &id, page, err);
    }
    page->before_ms = lp_clock_parse(before);
    if (page->before_ms <= 0)
        return lp_error_set(err, LP_E_INVALID,
                            "before must be the _id of an activity or a time such as "
                            "2026-12-01T09:00:00Z, not \"%.40s\"",
                            before);
    return 0;
}

void page_link_next(struct lp_service_request *r, const struct page *page, int64_t n,
                    const bson_oid_t *last)
{
    char id[25], link[128];

    if (page->limit == 0 || n < page->limit)
        return;
    bson_oid_to_string(last, id);
    snprintf(link, sizeof link, "<?limit=%lld&before=%s>; rel=\"next\"", (long long)page->limit,
             id);
    lp_http_reply_header(r->x, "Link", link);
}

/* Looked up once: EVP_sha256() is looked up again by each digest, which takes longer than that of a
 * short list. */
static const EVP_MD *sha256;

static void find_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!sha256)
        sha256 = EVP_sha256();
}

/* Weak, as the platform's always were: W/"length-hash". */
static void make_etag(const struct lp_buf *body, char etag[64])
{
    static const char digits[] = "0123456789abcdef";
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    unsigned char digest[EVP_MAX_MD_SIZE] = { 0 };
    unsigned n = 0;

    pthread_once(&once, find_sha256);
    EVP_Digest(body->ptr, body->len, digest, &n, sha256, NULL);
    int at = snprintf(etag, 64, "W/\"%zx-", body->len);
    for (unsigned i = 0; i < 12; i++) {
        etag[at++] = digits[digest[i] >> 4];
        etag[at++] = digits[digest[i] & 15];
    }
    memcpy(etag + at, "\"", 2);
}

/* RFC 9110, 13.1.2: a list of tags compared weakly, or *. */
static bool is_known(const char *if_none_match, const char *etag)
{
    const char *opaque = strchr(etag, '"');
    return if_none_match &&
           (strcmp(if_none_match, "*") == 0 || strstr(if_none_match, opaque) != NULL);
}

void page_reply(struct lp_service_request *r, struct lp_buf *body)
{
    char etag[64];

    make_etag(body, etag);
    lp_http_reply_header(r->x, "ETag", etag);
    if (is_known(lp_http_header(r->x, "If-None-Match"), etag))
        lp_http_reply(r->x, 304, NULL, "", 0);
    else
        lp_http_reply_buf(r->x, 200, "application/json; charset=utf-8", body);
}
