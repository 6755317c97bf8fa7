/* test/unit/openapi_routes.h -- whether an OpenAPI document has the routes of a program. */
#pragma once

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "json/json.h"
#include "service/request.h"
#include "unit/check.h"

/* "/a/:id/b" as OpenAPI writes it: "/a/{id}/b". */
static void write_template(const char *path, struct lp_buf *out)
{
    while (*path) {
        size_t n = strcspn(path, ":");
        lp_buf_add(out, path, n);
        path += n;
        if (*path == '\0')
            break;
        n = strcspn(++path, "/");
        lp_buf_printf(out, "{%.*s}", (int)n, path);
        path += n;
    }
}

/* Fails unless `text` describes each of `routes`, and nothing else. */
static void assert_describes(const char *text, const struct lp_route *routes)
{
    size_t described = 0, n = 0;
    const char *path;
    json_t *operations;
    json_auto_t *document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

    assert_non_null(document);
    json_object_foreach(json_object_get(document, "paths"), path, operations) described +=
        json_object_size(operations);
    for (const struct lp_route *r = routes; r->method; r++, n++) {
        lp_auto_buf struct lp_buf template = LP_BUF_INIT(256);
        char method[16] = "";
        write_template(r->path, &template);
        for (size_t i = 0; r->method[i] && i < sizeof method - 1; i++)
            method[i] = (char)tolower((unsigned char)r->method[i]);
        if (!lp_json_at(document, "paths", template.ptr, method, "responses", NULL))
            fail_msg("%s %s is not described", r->method, template.ptr);
    }
    assert_int_equal(described, n);
}
