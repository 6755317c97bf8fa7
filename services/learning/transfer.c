/* services/learning/transfer.c -- content in and out as a document, for teachers and admins. One
 * document at a time, so that memory stays bounded. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "services/learning/api.h"
#include "services/learning/content/item.h"
#include "services/learning/database/imports.h"
#include "services/learning/database/items.h"
#include "services/learning/exchange/exchange.h"
#include "services/learning/handlers.h"
#include "services/learning/reply.h"

#define ANSWER ((size_t)256 * 1024) /* of what an import does */
#define PAGE_JSON EXCHANGE_BYTES    /* of classes, of a page's items: 1 MB and blanks */
#define DEFAULT_LIMIT 1000

static atomic_flag busy = ATOMIC_FLAG_INIT;

static struct lp_db *db_of(const struct lp_service_request *r)
{
    return ((const struct api *)r->user)->db;
}

/* True: it is our turn; else 503 is answered. */
static bool begin(struct lp_service_request *r)
{
    if (!atomic_flag_test_and_set(&busy))
        return true;
    lp_http_reply_header(r->x, "Retry-After", "5");
    reply_message(r, 503, "another import or export is on its way");
    return false;
}

static bool refuse(struct lp_service_request *r, const char *message)
{
    reply_message(r, 400, message);
    return false;
}

static bool is_teacher(struct lp_service_request *r, struct lp_identity *ret_who)
{
    return reply_who(r, ret_who) && reply_may_write(r, ret_who);
}

static bool read_format(struct lp_service_request *r, enum exchange_format *ret_format)
{
    const char *name = lp_http_query(r->x, "format");
    int f = 0;
    while (f < EXCHANGE_FORMATS && (!name || strcmp(name, exchange_names[f]) != 0))
        f++;
    *ret_format = (enum exchange_format)f;
    return f < EXCHANGE_FORMATS || refuse(r, "format: must be turtle, jsonld, csv or anki");
}

/* What a request for an import asks for. */
struct order {
    enum exchange_format format;
    struct exchange_defaults defaults;
    bool dry;
};

static bool read_order(struct lp_service_request *r, struct order *o)
{
    const char *dry = lp_http_query(r->x, "dryRun");
    o->defaults.class = lp_http_query(r->x, "class");
    o->defaults.level = lp_http_query(r->x, "level");
    o->dry = dry && strcmp(dry, "true") == 0;
    if (dry && !o->dry && strcmp(dry, "false") != 0)
        return refuse(r, "dryRun: must be true or false");
    return read_format(r, &o->format);
}

/* What it does, whether or not it is done, with what is told of the document. */
static int carry_out(struct lp_service_request *r, const struct order *o, const struct exchange *e,
                     const char *author, json_t **ret_answer, struct lp_error *err)
{
    lp_auto_free char *classes = json_dumps(e->classes, JSON_COMPACT);
    lp_auto_free char *documents = json_dumps(e->items, JSON_COMPACT);
    lp_auto_buf struct lp_buf told = LP_BUF_INIT(ANSWER), done = LP_BUF_INIT(ANSWER);
    const struct import import = { classes, documents, exchange_names[o->format], author };
    json_t *answer = NULL;

    int code = o->dry ? imports_compare(db_of(r), &import, &told, err)
                      : imports_apply(db_of(r), &import, &told, &done, err);
    if (code == 0)
        code = lp_json_parse(told.ptr, told.len, ANSWER, "comparison", &answer, err);
    if (code < 0)
        return code;
    json_auto_t *result = o->dry ? NULL : json_loads(done.ptr, 0, NULL);
    json_t *id = json_object_get(result, "import");
    json_object_set_new(answer, "dryRun", json_boolean(o->dry));
    json_object_set_new(answer, "ignored", json_integer(e->ignored));
    json_object_set_new(answer, "import", id ? json_incref(id) : json_null());
    *ret_answer = answer;
    return 0;
}

static void import(struct lp_service_request *r, const struct order *o, const char *author)
{
    struct exchange e = { 0 };
    json_t *answer = NULL;
    struct lp_error err;
    size_t len = 0;
    const char *text = lp_http_body(r->x, &len);

    if (len == 0) {
        lp_error_set(&err, LP_E_INVALID, "the body is empty: it must be what is to be imported");
        reply_failed(r, &err);
        return;
    }
    if (!begin(r))
        return;
    int code = exchange_read(o->format, text, len, &o->defaults, &e, &err);
    if (code == 0)
        code = carry_out(r, o, &e, author, &answer, &err);
    exchange_done(&e);
    atomic_flag_clear(&busy); /* before the answer: who has it may send the next */
    if (code < 0)
        reply_failed(r, &err);
    else
        lp_http_reply_json(r->x, 200, answer);
}

void handle_import(struct lp_service_request *r, void *worker)
{
    lp_auto_identity struct lp_identity who = { 0 };
    struct order order = { 0 };

    (void)worker;
    if (is_teacher(r, &who) && read_order(r, &order))
        import(r, &order, who.user_id ? who.user_id : "");
}

static void answer_buf(struct lp_service_request *r, int code, struct lp_buf *json,
                       const struct lp_error *err)
{
    if (code < 0)
        reply_failed(r, err);
    else
        reply_text(r, json);
}

void handle_imports(struct lp_service_request *r, void *worker)
{
    lp_auto_identity struct lp_identity who = { 0 };
    lp_auto_buf struct lp_buf json = LP_BUF_INIT(ANSWER);
    struct lp_error err;

    (void)worker;
    if (!is_teacher(r, &who))
        return;
    lp_buf_str(&json, "{\"imports\":");
    int code = imports_list(db_of(r), &json, &err);
    lp_buf_char(&json, '}');
    answer_buf(r, code, &json, &err);
}

void handle_undo_import(struct lp_service_request *r, void *worker)
{
    lp_auto_identity struct lp_identity who = { 0 };
    lp_auto_buf struct lp_buf json = LP_BUF_INIT(ANSWER);
    struct lp_error err;

    (void)worker;
    if (!is_teacher(r, &who))
        return;
    long long id = strtoll(r->params[0], NULL, 10);
    size_t digits = strspn(r->params[0], "0123456789");
    if (r->params[0][digits] || digits > 18 || id < 1) {
        reply_message(r, 404, "resource not found");
        return;
    }
    if (!begin(r))
        return;
    int code = imports_undo(db_of(r), id, who.user_id ? who.user_id : "", &json, &err);
    atomic_flag_clear(&busy);
    answer_buf(r, code, &json, &err);
}

/* What a request for an export asks for. */
struct page {
    enum exchange_format format;
    const char *class, *after;
    int limit;
};

static bool read_page(struct lp_service_request *r, struct page *p)
{
    const char *limit = lp_http_query(r->x, "limit");
    char *end = NULL;
    long n = limit ? strtol(limit, &end, 10) : DEFAULT_LIMIT;

    p->class = lp_http_query(r->x, "class");
    p->after = lp_http_query(r->x, "after");
    p->limit = (int)n;
    if ((limit && (end == limit || *end)) || n < 1 || n > EXCHANGE_ITEMS)
        return refuse(r, "limit: must be 1 to 5000");
    if (p->class && !item_is_name(p->class))
        return refuse(r, "class: must be the name of a class");
    if (p->after && !item_is_name(p->after))
        return refuse(r, "after: must be the id of an item");
    return read_format(r, &p->format);
}

/* The page as text; *ret_next: behind which id the next one begins, the caller's, or NULL. */
static int write_page(struct lp_db *db, const struct page *p, struct lp_buf *ret_text,
                      char **ret_next, struct lp_error *err)
{
    lp_auto_buf struct lp_buf classes = LP_BUF_INIT(PAGE_JSON), items = LP_BUF_INIT(PAGE_JSON);
    json_t *all = NULL, *page = NULL;

    int r = items_classes(db, &classes, err);
    if (r == 0)
        r = imports_export(db, p->class, p->after, p->limit, &items, err);
    if (r == 0)
        r = lp_json_parse(classes.ptr, classes.len, PAGE_JSON, "classes", &all, err);
    if (r == 0)
        r = lp_json_parse(items.ptr, items.len, PAGE_JSON, "items", &page, err);
    if (r == 0)
        r = exchange_write(p->format, all, json_object_get(page, "items"), ret_text, err);
    if (r == 0)
        *ret_next = lp_strdup(lp_json_str(page, "next", NULL));
    json_decref(all);
    json_decref(page);
    return r;
}

/* RFC 8288: where the next page is, in the words of this one; without a path, which the gateway
 * gives another prefix. */
static void link_next(struct lp_service_request *r, const struct page *p, const char *next)
{
    lp_auto_buf struct lp_buf link = LP_BUF_INIT(512);
    lp_buf_printf(&link, "<?format=%s&limit=%d&after=%s", exchange_names[p->format], p->limit,
                  next);
    if (p->class)
        lp_buf_printf(&link, "&class=%s", p->class);
    lp_buf_str(&link, ">; rel=\"next\"");
    lp_http_reply_header(r->x, "Link", link.ptr);
}

static void answer_page(struct lp_service_request *r, const struct page *p)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(EXCHANGE_BYTES);
    lp_auto_free char *next = NULL;
    struct lp_error err;

    if (!begin(r))
        return;
    struct page tried = *p;
    int code = write_page(db_of(r), &tried, &text, &next, &err);
    /* Some formats say the same with far more bytes than the database. */
    while (code == LP_E_TOO_LARGE && tried.limit > 1) {
        tried.limit /= 2;
        lp_buf_reset(&text);
        code = write_page(db_of(r), &tried, &text, &next, &err);
    }
    atomic_flag_clear(&busy);
    if (code < 0) {
        reply_failed(r, &err);
        return;
    }
    if (next)
        link_next(r, p, next);
    lp_http_reply_buf(r->x, 200, exchange_types[p->format], &text);
}

void handle_export_content(struct lp_service_request *r, void *worker)
{
    lp_auto_identity struct lp_identity who = { 0 };
    struct page page = { 0 };

    (void)worker;
    if (is_teacher(r, &who) && read_page(r, &page))
        answer_page(r, &page);
}
