/* lib/http/server/metrics_page.c -- see metrics_page.h. */
#include "http/server/metrics_page.h"

#include "metrics/openmetrics.h"

#define MAX_PAGE (16 << 20)

void lp_http_reply_metrics(struct lp_http_exchange *x)
{
    lp_auto_buf struct lp_buf page = LP_BUF_INIT(MAX_PAGE);
    struct lp_error err;

    bool open = lp_openmetrics_is_wanted(lp_http_header(x, "Accept"));

    lp_http_reply_header(x, "Vary", "Accept");
    if ((open ? lp_openmetrics_write(&page, &err) : lp_metrics_write(&page, &err)) < 0)
        lp_http_reply_text(x, 500, err.msg);
    else
        lp_http_reply_buf(x, 200, open ? LP_OPENMETRICS_CONTENT_TYPE : LP_METRICS_CONTENT_TYPE,
                          &page);
}
