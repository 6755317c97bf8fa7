/* lib/http/server/metrics_page.c -- see metrics_page.h. */
#include "http/server/metrics_page.h"

#include "metrics/metrics.h"

#define MAX_PAGE (16 << 20)

void lp_http_reply_metrics(struct lp_http_exchange *x)
{
    lp_auto_buf struct lp_buf page = LP_BUF_INIT(MAX_PAGE);
    struct lp_error err;

    if (lp_metrics_write(&page, &err) < 0)
        lp_http_reply_text(x, 500, err.msg);
    else
        lp_http_reply_buf(x, 200, LP_METRICS_CONTENT_TYPE, &page);
}
