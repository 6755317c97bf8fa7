/* cli/dashboard/pages.c -- see the header. Handlers run in the server's event loop and never
 * wait. */
#include "cli/dashboard/pages.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "cli/dashboard/assets.h"
#include "cli/dashboard/what_if.h"

#define CONNECTIONS 64
#define HEADER_S 30         /* who sends nothing for so long has to make room */
#define TAB_S (4 * 60 * 60) /* a tab that is open for longer connects anew */
#define MAX_PAST ((size_t)16 << 20)

static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static void add_headers(struct lp_http_exchange *x)
{
    lp_http_reply_header(x, "Content-Security-Policy", policy);
    lp_http_reply_header(x, "X-Content-Type-Options", "nosniff");
    lp_http_reply_header(x, "X-Frame-Options", "DENY");
    lp_http_reply_header(x, "Referrer-Policy", "no-referrer");
    lp_http_reply_header(x, "Cross-Origin-Opener-Policy", "same-origin");
    lp_http_reply_header(x, "Cross-Origin-Resource-Policy", "same-origin");
    lp_http_reply_header(x, "Cache-Control", "no-store");
}

/* `why`: a literal. */
static void refuse(struct lp_http_exchange *x, int status, const char *why)
{
    lp_http_reply_json(x, status, json_pack("{s:s}", "error", why));
}

/* Of a code that is right and void: who asks has seen it, as this user's browser does, too. */
static const char void_code[] =
    "this code was used already, or is over a minute old: open the URL that kubectl lp dashboard "
    "printed. If no page was opened for you, another user of this machine has it: end the "
    "dashboard, and start it with --no-open";
static const char no_token[] =
    "open the URL that kubectl lp dashboard printed: its token is missing here";

/* The token leaves the address bar, and with it the browser's history. */
static void give_cookie(const struct pages *p, struct lp_http_exchange *x)
{
    lp_auto_buf struct lp_buf cookie = LP_BUF_INIT(256);
    lp_auto_free char *place = lp_sprintf("/%s/", p->access->place);

    access_set_cookie(p->access, &cookie);
    lp_http_reply_header(x, "Set-Cookie", cookie.ptr);
    lp_http_reply_header(x, "Location", place);
    lp_http_reply(x, 303, NULL, "", 0);
}

static bool is_front(struct lp_http_exchange *x)
{
    return strcmp(lp_http_method(x), "GET") == 0 && strcmp(lp_http_path(x), "/") == 0;
}

/* The token, or the code that the browser was opened with. */
static bool is_let_in(const struct pages *p, struct lp_http_exchange *x)
{
    return is_front(x) && (access_token(p->access, lp_http_query(x, "token")) ||
                           access_take_code(p->access, lp_http_query(x, "code"), lp_clock_ms()));
}

/* Keys of JSON are text. */
static bool is_text(const char *text)
{
    size_t n = strlen(text), at = 0, step = 1;

    for (; at < n && step > 0; at += step)
        step = lp_utf8_sequence(text + at, n - at);
    return step > 0;
}

static bool is_key(const char *key)
{
    const char *slash = key ? strchr(key, '/') : NULL;

    return !key || *key == '\0' ||
           (slash && slash > key && slash[1] != '\0' && strlen(key) < BOARD_KEY && is_text(key));
}

static void answer_past(const struct pages *p, struct lp_http_exchange *x, const char *key)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(MAX_PAST);

    past_write(p->past, key ? key : "", lp_clock_wall_ms() - lp_clock_ms(), &out);
    lp_http_reply_buf(x, 200, "application/json", &out);
}

static void answer_get(const struct pages *p, struct lp_http_exchange *x, const char *path)
{
    const char *key = lp_http_query(x, "platform");
    struct asset asset;

    if (asset_find(path, &asset))
        lp_http_reply(x, 200, asset.type, asset.text, asset.len);
    else if (!is_key(key))
        refuse(x, 400, "platform: must be NAMESPACE/NAME of 319 bytes of UTF-8 at most");
    else if (strcmp(path, "/api/events") == 0)
        tabs_answer(p->tabs, x, lp_http_query(x, "tab"), key);
    else if (strcmp(path, "/api/past") == 0)
        answer_past(p, x, key);
    else
        refuse(x, 404, "there is no such page");
}

static struct asker *asker_of(const struct pages *p, const char *path)
{
    return strcmp(path, "/api/what-if") == 0    ? p->what_if
           : strcmp(path, "/api/teaching") == 0 ? p->teaching
                                                : NULL;
}

static void handle(struct lp_http_exchange *x, void *user)
{
    const struct pages *p = user;
    const char *method = lp_http_method(x), *path = access_path(p->access, lp_http_path(x));
    bool get = strcmp(method, "GET") == 0;

    add_headers(x);
    if (!access_host(p->access, lp_http_header(x, "Host")) ||
        !access_origin(p->access, lp_http_header(x, "Origin"), lp_http_header(x, "Sec-Fetch-Site")))
        refuse(x, 403, "this page answers itself alone");
    else if (is_let_in(p, x))
        give_cookie(p, x);
    else if (!path || !access_cookie(p->access, lp_http_header(x, "Cookie")))
        refuse(x, 403,
               is_front(x) && access_code(p->access, lp_http_query(x, "code")) ? void_code
                                                                               : no_token);
    else if (get)
        answer_get(p, x, path);
    else if (strcmp(method, "POST") == 0 && asker_of(p, path))
        asker_ask(asker_of(p, path), x);
    else
        refuse(x, 405, "only GET is answered here, and POST of /api/what-if and /api/teaching");
}

int pages_start(const struct pages *pages, uint16_t port, struct lp_http_server **ret_server,
                struct lp_error *err)
{
    const struct lp_http_server_options options = {
        .address = "127.0.0.1",
        .port = port,
        .max_connections = CONNECTIONS,
        .header_timeout_s = HEADER_S,
        .answer_timeout_s = TAB_S,
        .max_body = WHAT_IF_BODY,
        .name = "dashboard",
        .handler = handle,
        .user = (void *)pages,
    };

    return lp_http_server_start(&options, ret_server, err);
}
