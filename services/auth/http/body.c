/*
 * Bodies come as JSON or, from plain HTML forms, as application/x-www-form-urlencoded; behind this
 * file there are only objects. A field given twice is refused in both. Any thread.
 */
#include "services/auth/http/body.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "http/url.h"
#include "json/json.h"

static int refuse(struct lp_error *err, int status, int code, const char *message)
{
    lp_error_set(err, code, "%s", message);
    err->http_status = status;
    return code;
}

/* True where the media type, without its parameters, is `type`. */
static bool is_type(const char *content_type, const char *type)
{
    size_t n = strcspn(content_type, "; \t");
    return n == strlen(type) && strncasecmp(content_type, type, n) == 0;
}

static bool is_json_type(const char *content_type)
{
    size_t n = strcspn(content_type, "; \t");
    bool suffix = n > 5 && strncasecmp(content_type + n - 5, "+json", 5) == 0;
    return suffix || is_type(content_type, "application/json");
}

static bool is_utf8(const char *content_type)
{
    const char *charset = strcasestr(content_type, "charset=");
    if (!charset)
        return true;
    charset += strlen("charset=");
    charset += *charset == '"';
    return strncasecmp(charset, "utf-8", 5) == 0 || strncasecmp(charset, "utf8", 4) == 0 ||
           strncasecmp(charset, "us-ascii", 8) == 0;
}

static int add_pair(json_t *object, const char *pair, size_t n, struct lp_error *err)
{
    lp_auto_buf struct lp_buf key = LP_BUF_INIT(BODY_MAX);
    lp_auto_buf struct lp_buf value = LP_BUF_INIT(BODY_MAX);
    const char *equals = memchr(pair, '=', n);
    size_t key_len = equals ? (size_t)(equals - pair) : n;

    bool good = lp_url_decode(pair, key_len, true, &key);
    if (good && equals)
        good = lp_url_decode(equals + 1, n - key_len - 1, true, &value);
    json_t *text = good ? json_stringn(value.ptr, value.len) : NULL;
    if (!text || json_object_get(object, key.ptr) || json_object_size(object) == BODY_MAX_FIELDS ||
        json_object_set_new(object, key.ptr, lp_take(text)) < 0) {
        json_decref(text);
        return refuse(err, 400, LP_E_INVALID, "Invalid form data in request body");
    }
    return 0;
}

static int parse_form(const char *bytes, size_t len, json_t **ret_object, struct lp_error *err)
{
    json_auto_t *object = json_object();
    while (len > 0) {
        const char *amp = memchr(bytes, '&', len);
        size_t n = amp ? (size_t)(amp - bytes) : len;
        int r = n > 0 ? add_pair(object, bytes, n, err) : 0;
        if (r < 0)
            return r;
        n += amp != NULL;
        bytes += n;
        len -= n;
    }
    *ret_object = lp_take(object);
    return 0;
}

static int parse_json(const char *bytes, size_t len, json_t **ret_object, struct lp_error *err)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* byte order mark, RFC 8259, 8.1 */
    struct lp_error why;
    json_auto_t *object = NULL;
    if (len >= 3 && memcmp(bytes, mark, 3) == 0) {
        bytes += 3;
        len -= 3;
    }
    if (lp_json_parse(bytes, len, BODY_MAX, "request body", &object, &why) < 0)
        return refuse(err, 400, LP_E_INVALID, "Invalid JSON in request body");
    if (!json_is_object(object))
        return refuse(err, 400, LP_E_INVALID, "Request body must be a JSON object");
    *ret_object = lp_take(object);
    return 0;
}

int body_parse(const char *content_type, const char *bytes, size_t len, json_t **ret_object,
               struct lp_error *err)
{
    if (len > BODY_MAX)
        return refuse(err, 413, LP_E_TOO_LARGE, "Request body must be no more than 100000 bytes");
    if (len == 0) {
        *ret_object = json_object();
        return 0;
    }
    if (!content_type || !*content_type)
        return parse_json(bytes, len, ret_object, err);
    if (is_utf8(content_type) && is_json_type(content_type))
        return parse_json(bytes, len, ret_object, err);
    if (is_utf8(content_type) && is_type(content_type, "application/x-www-form-urlencoded"))
        return parse_form(bytes, len, ret_object, err);
    return refuse(err, 415, LP_E_INVALID,
                  "Content-Type must be application/json or application/x-www-form-urlencoded, "
                  "in UTF-8");
}

/*
 * A browser that goes here by a form of another site (Fetch Metadata, W3C): whoever wrote the form
 * would have somebody logged in as it wishes, as the gateway makes a cookie of the answer. Browsers
 * that do not say so cannot be told from clients that are none.
 */
static bool is_form_of_another_site(const struct lp_service_request *r)
{
    const char *mode = lp_http_header(r->x, "Sec-Fetch-Mode");
    const char *site = lp_http_header(r->x, "Sec-Fetch-Site");
    return mode && site && strcmp(mode, "navigate") == 0 && strcmp(site, "cross-site") == 0;
}

int body_of(const struct lp_service_request *r, json_t **ret_object, struct lp_error *err)
{
    size_t len = 0;
    if (is_form_of_another_site(r))
        return refuse(err, 403, LP_E_DENIED, "Forms of other sites are not accepted");
    const char *bytes = lp_http_body(r->x, &len);
    return body_parse(lp_http_header(r->x, "Content-Type"), bytes, len, ret_object, err);
}
