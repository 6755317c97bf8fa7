/* cli/dashboard/pages.h -- what the dashboard's server answers. */
#pragma once

#include "cli/dashboard/access.h"
#include "cli/dashboard/asker.h"
#include "cli/dashboard/past.h"
#include "cli/dashboard/tabs.h"
#include "http/server/server.h"

/* All borrowed. */
struct pages {
    struct access *access;
    struct tabs *tabs;
    struct past *past;
    struct asker *what_if, *teaching;
};

/*
 * Listens on 127.0.0.1, on `port` or, where it is 0, a free one. Only who has the cookie gets
 * anything: GET /?token=TOKEN or ?code=CODE gives it and leads to /PLACE/ (access.h); Host, Origin
 * and Sec-Fetch-Site must be ours (403). Within that place GET of the files of assets.h,
 * /api/events?tab=ID&platform=NAMESPACE/NAME (tabs.h) and /api/past?platform=NAMESPACE/NAME
 * (past.h), and POST of /api/what-if (what_if.h) and /api/teaching (teaching.h). Every answer
 * forbids what the page does not need: no script or style but ours, no frame, no other origin.
 * Nothing is written anywhere.
 */
LP_MUST_USE int pages_start(const struct pages *pages, uint16_t port,
                            struct lp_http_server **ret_server, struct lp_error *err);
