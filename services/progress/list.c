/*
 * services/progress/list.c -- a learner's activities: GET activityLog/:userId, and all that is
 * stored of them, GET data/:userId. What is short is collected, for its ETag; what is long is
 * streamed, and of those there are only so many at a time. No state.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "services/progress/api.h"
#include "services/progress/document.h"
#include "services/progress/handlers.h"
#include "services/progress/page.h"
#include "services/progress/reply.h"

/* A list that is longer is streamed, without an ETag. */
#define MAX_BUFFERED ((size_t)512 * 1024)
#define MAX_PIECE ((size_t)64 * 1024)
/* As JSON; MongoDB's own limit is 16 MB of BSON. */
#define MAX_DOCUMENT ((size_t)64 * 1024 * 1024)

static const char list_failed[] = "error fetching activity logs:";
static const char export_failed[] = "error exporting data:";
static const char list_type[] = "application/json; charset=utf-8";

/* The documents of one page on their way to the client: in `json`, or `json` in pieces to `stream`.
 */
struct listing {
    struct lp_service_request *request;
    const char *failed; /* how its error messages begin */
    const char *reader; /* who counts as reading it; borrowed */
    struct lp_http_stream *stream;
    struct lp_buf json;
    int64_t n;
    bson_oid_t last;
    bool refused; /* too many long lists: answered */
};

static struct lp_streams *streams_of(const struct listing *l)
{
    return ((const struct api *)l->request->user)->streams;
}

/* 429 for who reads too many, 503 where all do. */
static int begin_stream(struct listing *l, struct lp_error *err)
{
    int r = lp_streams_enter(streams_of(l), l->reader, err);

    if (r < 0) {
        lp_http_reply_header(l->request->x, "Retry-After", "5");
        reply_error(l->request, r == LP_E_CONFLICT ? 429 : 503, l->failed, err->msg);
        l->refused = true;
        return r;
    }
    l->stream = lp_http_reply_stream(l->request->x, 200, list_type);
    return 0;
}

static int send_piece(struct listing *l, struct lp_error *err)
{
    int r = l->stream ? 0 : begin_stream(l, err);

    if (r == 0)
        r = lp_http_stream_write(l->stream, l->json.ptr, l->json.len, err);
    lp_buf_reset(&l->json);
    return r;
}

static int add_document(const bson_t *document, void *user, struct lp_error *err)
{
    struct listing *l = user;
    bson_iter_t i;

    if (l->n++ > 0)
        lp_buf_char(&l->json, ',');
    document_write_json(document, &l->json);
    if (bson_iter_init_find(&i, document, "_id") && BSON_ITER_HOLDS_OID(&i))
        bson_oid_copy(bson_iter_oid(&i), &l->last);
    if (l->json.overflowed)
        return lp_error_set(err, LP_E_INTERNAL, "a document of more than %zu bytes", MAX_DOCUMENT);
    return l->json.len > (l->stream ? MAX_PIECE : MAX_BUFFERED) ? send_piece(l, err) : 0;
}

/* The status has gone out already: a failure can only be shown by cutting the connection. */
static void end_stream(struct listing *l, int code, const char *close, const struct lp_error *err)
{
    struct lp_error late;

    if (code < 0)
        lp_log_warn("a list was cut", "error", err->msg);
    lp_buf_str(&l->json, close);
    if (code == 0)
        code = send_piece(l, &late);
    lp_streams_leave(streams_of(l), l->reader); /* before its client sees the end */
    lp_http_stream_end(l->stream, code == 0);
}

static void reply_list(struct lp_service_request *r, const struct page *page, struct listing *l)
{
    if (l->n == 0 && page->before_ms == 0) {
        reply_message(r, 404, "no activity logs found for this user");
        return;
    }
    lp_buf_char(&l->json, ']');
    page_link_next(r, page, l->n, &l->last);
    page_reply(r, &l->json);
}

static void list(struct lp_service_request *r, const char *learner, struct listing *l)
{
    const struct api *api = r->user;
    struct page page = { 0 };
    struct lp_error err;

    int code = page_read(r, api->store, learner, &page, &err);
    if (code == LP_E_INVALID || code == LP_E_NOT_FOUND) {
        reply_error(r, code == LP_E_INVALID ? 400 : 404, l->failed, err.msg);
        return;
    }
    lp_buf_char(&l->json, '[');
    if (code == 0)
        code = store_list(api->store, learner, &page, add_document, l, &err);
    if (l->refused)
        return;
    if (l->stream)
        end_stream(l, code, "]", &err);
    else if (code == 0)
        reply_list(r, &page, l);
    else
        reply_store_failed(r, l->failed, learner, &err);
}

/* Who reads: the person who asks; where it is a service or anybody, the learner it is about. */
static const char *reader_of(const struct lp_identity *who, const char *learner)
{
    return who->user_id ? who->user_id : learner;
}

void handle_list(struct lp_service_request *r, void *worker)
{
    lp_auto_identity struct lp_identity who = { 0 };
    lp_auto_free char *learner = reply_learner(r, &who);

    (void)worker;
    if (!learner)
        return;
    struct listing l = { .request = r,
                         .failed = list_failed,
                         .reader = reader_of(&who, learner),
                         .json = LP_BUF_INIT(MAX_DOCUMENT) };
    list(r, learner, &l);
    lp_buf_done(&l.json);
}

/* ---- all that is stored ---- */

/* {"userId","exportedAt","activities":[ */
static void open_export(struct listing *l, const char *learner)
{
    json_auto_t *id = lp_json_text(learner);
    char now[LP_CLOCK_TEXT];

    lp_clock_format(lp_clock_wall_ms(), 3, now);
    lp_buf_str(&l->json, "{\"userId\":");
    lp_json_write(id, &l->json);
    lp_buf_printf(&l->json, ",\"exportedAt\":\"%s\",\"activities\":[", now);
}

void handle_export(struct lp_service_request *r, void *worker)
{
    lp_auto_identity struct lp_identity who = { 0 };
    lp_auto_free char *learner = reply_learner(r, &who);
    const struct page all = { 0 };
    struct lp_error err;

    (void)worker;
    if (!learner)
        return;
    struct listing l = { .request = r,
                         .failed = export_failed,
                         .reader = reader_of(&who, learner),
                         .json = LP_BUF_INIT(MAX_DOCUMENT) };
    open_export(&l, learner);
    int code =
        store_list(((const struct api *)r->user)->store, learner, &all, add_document, &l, &err);
    if (l.stream) {
        end_stream(&l, code, "]}", &err);
    } else if (code == 0) {
        lp_buf_str(&l.json, "]}");
        lp_http_reply_buf(r->x, 200, list_type, &l.json);
    } else if (!l.refused) {
        reply_store_failed(r, export_failed, learner, &err);
    }
    lp_buf_done(&l.json);
}
