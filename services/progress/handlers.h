/* services/progress/handlers.h -- what answers each route. In a worker thread each. */
#pragma once

#include "metrics/metrics.h"
#include "service/service.h"

lp_service_handler handle_log;                       /* log.c */
lp_service_handler handle_list, handle_export;       /* list.c */
lp_service_handler handle_recommend, handle_summary; /* report.c */
lp_service_handler handle_analytics;                 /* analyse.c */
lp_service_handler handle_erase;                     /* erase.c */

/* Its metric, announced from the start: how many documents one answer of analytics read. */
struct lp_metric *analytics_documents(void);
