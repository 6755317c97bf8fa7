/* services/auth/accounts/page.h -- the few pages of ours that a browser shows. */
#pragma once

#include <jansson.h>

#include "service/service.h"

/* `json`, which it takes over, or, to a browser (Accept names text/html), a page with `message`.
 * Neither may be cached. */
void page_reply(struct lp_service_request *r, int status, const char *message, json_t *json);

/*
 * A page with a form that posts `token`, and the member `field` (NULL: none) that is typed into it,
 * to `action`, a relative URL. No script, no frame, nothing from elsewhere, no Referer. `token` is
 * a code, the other texts are literals: all of them need no escaping.
 */
void page_form(struct lp_service_request *r, const char *title, const char *action,
               const char *token, const char *field, const char *button);
