/* Any worker thread. */
#include "services/auth/accounts/page.h"

#include <string.h>

#include "base/buf.h"
#include "services/auth/http/reply.h"

#define PAGE_MAX 4096
#define HEAD                                                                                  \
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" " \
    "content=\"width=device-width\"><title>"

static void send(struct lp_service_request *r, int status, struct lp_buf *page)
{
    lp_http_reply_header(r->x, "Cache-Control", "no-store");
    lp_http_reply_header(r->x, "Referrer-Policy", "no-referrer");
    lp_http_reply_header(r->x, "X-Content-Type-Options", "nosniff");
    lp_http_reply_header(r->x, "Content-Security-Policy",
                         "default-src 'none'; form-action 'self'; frame-ancestors 'none'");
    lp_http_reply_buf(r->x, status, "text/html; charset=utf-8", page);
}

void page_reply(struct lp_service_request *r, int status, const char *message, json_t *json)
{
    const char *accept = lp_http_header(r->x, "Accept");
    if (!accept || !strstr(accept, "text/html")) {
        reply_json(r, status, json);
        return;
    }
    json_decref(json);
    struct lp_buf page = LP_BUF_INIT(PAGE_MAX);
    lp_buf_printf(&page, HEAD "%s</title></head><body><p>%s.</p></body></html>\n", message,
                  message);
    send(r, status, &page);
}

void page_form(struct lp_service_request *r, const char *title, const char *action,
               const char *token, const char *field, const char *button)
{
    struct lp_buf page = LP_BUF_INIT(PAGE_MAX);
    lp_buf_printf(&page,
                  HEAD "%s</title></head><body><h1>%s</h1><form method=\"post\" action=\"%s\">"
                       "<input type=\"hidden\" name=\"token\" value=\"%s\">"
                       "<input type=\"hidden\" name=\"type\" value=\"email\">",
                  title, title, action, token);
    if (field)
        lp_buf_printf(&page,
                      "<input type=\"password\" name=\"%s\" required minlength=\"6\" "
                      "autocomplete=\"new-password\"> ",
                      field);
    lp_buf_printf(&page, "<button>%s</button></form></body></html>\n", button);
    send(r, 200, &page);
}
