/* services/learning/ontology.c -- classes and items: read by everybody with a token, written by
 * teachers and admins. No state. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "services/learning/api.h"
#include "services/learning/content/item.h"
#include "services/learning/database/items.h"
#include "services/learning/handlers.h"
#include "services/learning/reply.h"

#define MAX_ANSWER ((size_t)4 * 1024 * 1024) /* 200 items of 16 kB and what JSON adds */
#define PAGE 50
#define MOST 200

static struct lp_db *db_of(const struct lp_service_request *r)
{
    return ((const struct api *)r->user)->db;
}

/* True: `r` is from somebody known, who may write where that is what it does. */
static bool is_let_in(struct lp_service_request *r, bool writes, struct lp_identity *ret_who)
{
    return reply_who(r, ret_who) && (!writes || reply_may_write(r, ret_who));
}

static const char *author(const struct lp_identity *who)
{
    return who->user_id ? who->user_id : "";
}

void handle_classes(struct lp_service_request *r, void *worker)
{
    lp_auto_identity struct lp_identity who = { 0 };
    lp_auto_buf struct lp_buf json = LP_BUF_INIT(MAX_ANSWER);
    struct lp_error err;

    (void)worker;
    if (!is_let_in(r, false, &who))
        return;
    lp_buf_str(&json, "{\"classes\":");
    int code = items_classes(db_of(r), &json, &err);
    lp_buf_str(&json, "}");
    if (code < 0)
        reply_failed(r, &err);
    else
        reply_text(r, &json);
}

/* What a class is changed to; 400 is answered where it is wrong. */
static bool read_class(struct lp_service_request *r, const json_t *body, const char **ret_label,
                       const char **ret_parent)
{
    const json_t *label = json_object_get(body, "label");
    const json_t *parent = json_object_get(body, "subClassOf");
    bool has_parent = parent && !json_is_null(parent);

    *ret_label = label && !json_is_null(label) ? json_string_value(label) : r->params[0];
    *ret_parent = has_parent ? json_string_value(parent) : NULL;
    if (!*ret_label || strlen(*ret_label) < 1 || strlen(*ret_label) > ITEM_LABEL ||
        (json_is_string(label) && json_string_length(label) != strlen(*ret_label)))
        reply_message(r, 400, "label: must be a text of 1 to 200 bytes");
    else if (has_parent && (!*ret_parent || !item_is_name(*ret_parent)))
        reply_message(r, 400, "subClassOf: must be the name of a class");
    else
        return true;
    return false;
}

void handle_put_class(struct lp_service_request *r, void *worker)
{
    lp_auto_identity struct lp_identity who = { 0 };
    const char *label = NULL, *parent = NULL;
    struct lp_error err;

    (void)worker;
    if (!is_let_in(r, true, &who) || !reply_name(r))
        return;
    json_auto_t *body = reply_body(r);
    if (!body || !read_class(r, body, &label, &parent))
        return;
    int code = items_put_class(db_of(r), r->params[0], label, parent, &err);
    if (code == LP_E_NOT_FOUND)
        reply_message(r, 404, "subClassOf: there is no such class");
    else if (code < 0)
        reply_failed(r, &err);
    else
        lp_http_reply_json(r->x, 200,
                           lp_json_make("{s:s,s:s,s:s?}", "name", r->params[0], "label", label,
                                        "subClassOf", parent));
}

static bool read_page(struct lp_service_request *r, struct items_page *page)
{
    const char *limit = lp_http_query(r->x, "limit"), *deep = lp_http_query(r->x, "subclasses");
    const char *after = lp_http_query(r->x, "after");
    char *end = NULL;
    long n = limit ? strtol(limit, &end, 10) : PAGE;

    if ((limit && (end == limit || *end)) || n < 1 || n > MOST)
        reply_message(r, 400, "limit: must be 1 to 200");
    else if (deep && strcmp(deep, "true") != 0 && strcmp(deep, "false") != 0)
        reply_message(r, 400, "subclasses: must be true or false");
    else if (after && !item_is_name(after))
        reply_message(r, 400, "after: must be the id of an item");
    else {
        *page = (struct items_page){ .class = r->params[0],
                                     .after = after,
                                     .subclasses = deep && *deep == 't',
                                     .limit = (int)n };
        return true;
    }
    return false;
}

void handle_instances(struct lp_service_request *r, void *worker)
{
    lp_auto_identity struct lp_identity who = { 0 };
    lp_auto_buf struct lp_buf json = LP_BUF_INIT(MAX_ANSWER);
    struct items_page page = { 0 };
    struct lp_error err;

    (void)worker;
    if (!is_let_in(r, false, &who) || !reply_name(r) || !read_page(r, &page))
        return;
    if (items_list(db_of(r), &page, &json, &err) < 0)
        reply_failed(r, &err);
    else
        reply_text(r, &json);
}

/* Answers with the item as it is now. */
static void answer_item(struct lp_service_request *r)
{
    lp_auto_buf struct lp_buf json = LP_BUF_INIT(MAX_ANSWER);
    struct lp_error err;

    if (items_get(db_of(r), r->params[0], &json, &err) < 0)
        reply_failed(r, &err);
    else
        reply_text(r, &json);
}

void handle_item(struct lp_service_request *r, void *worker)
{
    lp_auto_identity struct lp_identity who = { 0 };

    (void)worker;
    if (is_let_in(r, false, &who) && reply_name(r))
        answer_item(r);
}

/* The item of the body as an array, JSON, the caller's; NULL: 400 is answered. */
static char *read_item(struct lp_service_request *r, int *ret_version)
{
    json_auto_t *body = reply_body(r);
    json_auto_t *document = NULL;
    struct lp_error err;

    if (!body)
        return NULL;
    const json_t *version = json_object_get(body, "version");
    json_int_t n = json_integer_value(version);
    if (version && (!json_is_integer(version) || n < 1 || n > 1000000)) {
        reply_message(r, 400, "version: must be the number of the version that is changed");
        return NULL;
    }
    if (item_read(body, r->params[0], &document, &err) < 0) {
        reply_failed(r, &err);
        return NULL;
    }
    *ret_version = (int)n;
    json_auto_t *list = lp_json_make("[O]", document);
    return json_dumps(list, JSON_COMPACT);
}

void handle_put_item(struct lp_service_request *r, void *worker)
{
    lp_auto_identity struct lp_identity who = { 0 };
    struct lp_error err;
    int version = 0;

    (void)worker;
    if (!is_let_in(r, true, &who) || !reply_name(r))
        return;
    lp_auto_free char *list = read_item(r, &version);
    if (!list)
        return;
    int code = items_put(db_of(r), list, author(&who), version, &err);
    if (code == LP_E_NOT_FOUND)
        reply_message(r, 404, "class: there is no such class");
    else if (code < 0)
        reply_failed(r, &err);
    else
        answer_item(r);
}

void handle_delete_item(struct lp_service_request *r, void *worker)
{
    lp_auto_identity struct lp_identity who = { 0 };
    struct lp_error err;

    (void)worker;
    if (!is_let_in(r, true, &who) || !reply_name(r))
        return;
    if (items_delete(db_of(r), r->params[0], author(&who), &err) < 0)
        reply_failed(r, &err);
    else
        reply_message(r, 200, "deleted");
}

void handle_undo_item(struct lp_service_request *r, void *worker)
{
    lp_auto_identity struct lp_identity who = { 0 };
    struct lp_error err;

    (void)worker;
    if (!is_let_in(r, true, &who) || !reply_name(r))
        return;
    if (items_undo(db_of(r), r->params[0], author(&who), &err) < 0)
        reply_failed(r, &err);
    else
        answer_item(r);
}

void handle_versions(struct lp_service_request *r, void *worker)
{
    lp_auto_identity struct lp_identity who = { 0 };
    lp_auto_buf struct lp_buf json = LP_BUF_INIT(MAX_ANSWER);
    struct lp_error err;

    (void)worker;
    if (!is_let_in(r, true, &who) || !reply_name(r))
        return;
    lp_buf_str(&json, "{\"versions\":");
    int code = items_versions(db_of(r), r->params[0], &json, &err);
    lp_buf_str(&json, "}");
    if (code < 0)
        reply_failed(r, &err);
    else
        reply_text(r, &json);
}
