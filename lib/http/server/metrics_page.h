/* lib/http/server/metrics_page.h -- GET /metrics of a program. */
#pragma once

#include "http/server/server.h"

/*
 * Answers with all metrics of the process as Prometheus text (lp_metrics_write), or as OpenMetrics
 * where Accept asks for it, at most 16 MiB: an operator of 4,096 platforms has 8. A page that does
 * not fit is a 500 with the reason, never a part of it. Ends the exchange.
 */
void lp_http_reply_metrics(struct lp_http_exchange *x);
