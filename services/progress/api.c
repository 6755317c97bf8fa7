/*
 * From requests to the store and back: what is answered when, and in which words.
 *
 * Runs in worker threads, one request at a time each; no state of its own. What clients see of a
 * failing database is that it failed; why stands in the log.
 */
#include "services/progress/api.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "services/progress/document.h"

/* A list that is longer is streamed, without an ETag. */
#define MAX_BUFFERED ((size_t)1024 * 1024)
#define MAX_PIECE ((size_t)64 * 1024)
/* As JSON; MongoDB's own limit is 16 MB of BSON. */
#define MAX_DOCUMENT ((size_t)64 * 1024 * 1024)
#define MAX_PAGE 1000

static void reply_message(struct lp_service_request *r, int status, const char *message)
{
    lp_http_reply_json(r->x, status, lp_json_make("{s:s}", "message", message));
}

static void reply_error(struct lp_service_request *r, int status, const char *message,
                        const char *error)
{
    lp_http_reply_json(r->x, status, lp_json_make("{s:s,s:s}", "message", message, "error", error));
}

/* The store failed: logged with a hash for the learner, told to the client without details. */
static void reply_store_failed(struct lp_service_request *r, const char *message,
                               const char *user_id, const struct lp_error *err)
{
    char learner[LP_PSEUDONYM];

    lp_service_pseudonym(user_id, learner);
    lp_log_error("database operation failed", "error", err->msg, "code", lp_error_name(err->code),
                 "learner", learner);
    if (lp_error_is_transient(err->code)) {
        lp_http_reply_header(r->x, "Retry-After", "1");
        reply_error(r, 503, message, "the database does not answer");
    } else {
        reply_error(r, 500, message, "the database refused the operation");
    }
}

/* ---- POST /api/progress/activityLog ---- */

static const char log_failed[] = "error logging activity:";

/* RFC 8941 string or plain text; 1 to 255 visible characters. */
static bool is_key(const char *key)
{
    size_t n = strlen(key);
    for (size_t i = 0; i < n; i++)
        if (!isgraph((unsigned char)key[i]))
            return false;
    return n >= 1 && n <= 255;
}

static void log_activity(struct lp_service_request *r, void *worker)
{
    const char *key = lp_http_header(r->x, "Idempotency-Key");
    auto_activity struct activity a = { 0 };
    json_auto_t *body = NULL;
    struct lp_error err;

    (void)worker;
    if (lp_service_read_json(r, &body, &err) < 0) {
        reply_error(r, err.http_status, log_failed, err.msg);
        return;
    }
    if (key && !is_key(key)) {
        reply_error(r, 400, log_failed, "Idempotency-Key must be 1 to 255 visible characters");
        return;
    }
    int code = activity_read(body, &a, &err);
    if (code == LP_E_NOT_FOUND)
        reply_message(r, 400, "please provide all fields");
    else if (code < 0)
        reply_error(r, 400, log_failed, err.msg);
    else if (store_add(r->user, &a, key, &err) < 0)
        reply_store_failed(r, log_failed, a.user_id, &err);
    else
        reply_message(r, 201, "activity logged successfully!");
}

/* ---- GET /api/progress/activityLog/:userId ---- */

static const char list_failed[] = "error fetching activity logs:";

/* The documents of one page on their way to the client: in `json`, or `json` in pieces to `stream`.
 */
struct listing {
    struct lp_service_request *request;
    struct lp_http_stream *stream;
    struct lp_buf json;
    int64_t n;
    bson_oid_t last;
};

static const char list_type[] = "application/json; charset=utf-8";

static int send_piece(struct listing *l, struct lp_error *err)
{
    if (!l->stream)
        l->stream = lp_http_reply_stream(l->request->x, 200, list_type);
    int r = lp_http_stream_write(l->stream, l->json.ptr, l->json.len, err);
    lp_buf_reset(&l->json);
    return r;
}

static int add_document(const bson_t *document, void *user, struct lp_error *err)
{
    struct listing *l = user;
    bson_iter_t i;

    lp_buf_char(&l->json, l->n++ == 0 ? '[' : ',');
    document_write_json(document, &l->json);
    if (bson_iter_init_find(&i, document, "_id") && BSON_ITER_HOLDS_OID(&i))
        bson_oid_copy(bson_iter_oid(&i), &l->last);
    if (l->json.overflowed)
        return lp_error_set(err, LP_E_INTERNAL, "a document of more than %zu bytes", MAX_DOCUMENT);
    return l->json.len > (l->stream ? MAX_PIECE : MAX_BUFFERED) ? send_piece(l, err) : 0;
}

/* limit and before; the message is for the client. */
static int read_page(struct lp_service_request *r, struct page *page, struct lp_error *err)
{
    const char *limit = lp_http_query(r->x, "limit"), *before = lp_http_query(r->x, "before");
    char *end;

    if (limit) {
        errno = 0;
        long n = strtol(limit, &end, 10);
        if (!isdigit((unsigned char)limit[0]) || *end || errno || n < 1 || n > MAX_PAGE)
            return lp_error_set(err, LP_E_INVALID,
                                "limit must be a whole number from 1 to %d, not \"%.40s\"",
                                MAX_PAGE, limit);
        page->limit = n;
    }
    if (!before)
        return 0;
    if (bson_oid_is_valid(before, strlen(before))) {
        bson_oid_t id;
        bson_oid_init_from_string(&id, before);
        return store_place(r->user, r->params[0], &id, page, err);
    }
    page->before_ms = lp_clock_parse(before);
    if (page->before_ms <= 0)
        return lp_error_set(err, LP_E_INVALID,
                            "before must be the _id of an activity or a time such as "
                            "2026-12-01T09:00:00Z, not \"%.40s\"",
                            before);
    return 0;
}

/* Weak, as the platform's always were: W/"length-hash". */
static void make_etag(const struct lp_buf *body, char etag[64])
{
    unsigned char digest[EVP_MAX_MD_SIZE] = { 0 };
    unsigned n = 0;

    EVP_Digest(body->ptr, body->len, digest, &n, EVP_sha256(), NULL);
    int at = snprintf(etag, 64, "W/\"%zx-", body->len);
    for (unsigned i = 0; i < 12; i++)
        at += snprintf(etag + at, 64 - (size_t)at, "%02x", digest[i]);
    snprintf(etag + at, 64 - (size_t)at, "\"");
}

/* RFC 9110, 13.1.2: a list of tags compared weakly, or *. */
static bool is_known(const char *if_none_match, const char *etag)
{
    const char *opaque = strchr(etag, '"');
    return if_none_match &&
           (strcmp(if_none_match, "*") == 0 || strstr(if_none_match, opaque) != NULL);
}

/* Where the next page is, if this one was full (RFC 8288). */
static void link_next_page(struct lp_service_request *r, const struct page *page,
                           const struct listing *l)
{
    char id[25], link[128];

    if (page->limit == 0 || l->n < page->limit)
        return;
    bson_oid_to_string(&l->last, id);
    snprintf(link, sizeof link, "<?limit=%lld&before=%s>; rel=\"next\"", (long long)page->limit,
             id);
    lp_http_reply_header(r->x, "Link", link);
}

static void reply_list(struct lp_service_request *r, const struct page *page, struct listing *l)
{
    char etag[64];

    if (l->n == 0 && page->before_ms == 0) {
        reply_message(r, 404, "no activity logs found for this user");
        return;
    }
    lp_buf_str(&l->json, l->n == 0 ? "[]" : "]");
    make_etag(&l->json, etag);
    lp_http_reply_header(r->x, "ETag", etag);
    link_next_page(r, page, l);
    if (is_known(lp_http_header(r->x, "If-None-Match"), etag))
        lp_http_reply(r->x, 304, NULL, "", 0);
    else
        lp_http_reply_buf(r->x, 200, list_type, &l->json);
}

/* The status has gone out already: a failure can only be shown by cutting the connection. */
static void end_stream(struct listing *l, int code, const struct lp_error *err)
{
    struct lp_error late;

    if (code < 0)
        lp_log_warn("a list was cut", "error", err->msg);
    lp_buf_char(&l->json, ']');
    if (code == 0)
        code = send_piece(l, &late);
    lp_http_stream_end(l->stream, code == 0);
}

static void list_activities(struct lp_service_request *r, void *worker)
{
    struct listing l = { .request = r, .json = LP_BUF_INIT(MAX_DOCUMENT) };
    struct page page = { 0 };
    struct lp_error err;

    (void)worker;
    int code = read_page(r, &page, &err);
    if (code == LP_E_INVALID || code == LP_E_NOT_FOUND) {
        reply_error(r, 400, list_failed, err.msg);
        return;
    }
    if (code == 0)
        code = store_list(r->user, r->params[0], &page, add_document, &l, &err);
    if (l.stream)
        end_stream(&l, code, &err);
    else if (code == 0)
        reply_list(r, &page, &l);
    else
        reply_store_failed(r, list_failed, r->params[0], &err);
    lp_buf_done(&l.json);
}

/* ---- GET /api/progress/recommendation/:userId ---- */

static void recommend(struct lp_service_request *r, void *worker)
{
    struct recommendation best = { 0 };
    struct lp_error err;

    (void)worker;
    int code = store_recommend(r->user, r->params[0], &best, &err);
    if (code == LP_E_NOT_FOUND)
        reply_message(r, 404, "no scorable activity for this user");
    else if (code < 0)
        reply_store_failed(r, "error fetching recommendation:", r->params[0], &err);
    else
        lp_http_reply_json(r->x, 200,
                           lp_json_make("{s:s,s:o,s:o,s:I}", "message",
                                        "activity recommendation based on lowest average score.",
                                        "activityName", lp_json_text(best.name), "averageScore",
                                        document_number(best.average), "numberOfAttemps",
                                        /* the platform's spelling */ (json_int_t)best.attempts));
    free(best.name);
}

static void health(struct lp_service_request *r, void *worker)
{
    (void)worker;
    lp_http_reply_json(r->x, 200,
                       lp_json_make("{s:s,s:s}", "status", "ok", "service", "progress-service"));
}

const struct lp_route api_routes[] = {
    { "POST", "/api/progress/activityLog", log_activity, "activityLog", false },
    { "GET", "/api/progress/activityLog/:userId", list_activities, "activityLogs", false },
    { "GET", "/api/progress/recommendation/:userId", recommend, "recommendation", false },
    { "GET", "/health", health, "health", true },
    { 0 },
};
