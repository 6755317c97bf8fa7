/* services/progress/handlers.h -- what answers each route. In a worker thread each. */
#pragma once

#include "service/service.h"

lp_service_handler handle_log;                       /* log.c */
lp_service_handler handle_list, handle_export;       /* list.c */
lp_service_handler handle_recommend, handle_summary; /* report.c */
lp_service_handler handle_erase;                     /* erase.c */
