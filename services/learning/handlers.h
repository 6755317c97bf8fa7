/* services/learning/handlers.h -- what answers each route. In a worker thread each. */
#pragma once

#include "service/service.h"

lp_service_handler handle_classes, handle_put_class, handle_instances, handle_item; /* ontology.c */
lp_service_handler handle_put_item, handle_delete_item, handle_undo_item, handle_versions;
lp_service_handler handle_export_content, handle_import; /* transfer.c */
lp_service_handler handle_imports, handle_undo_import;
lp_service_handler handle_event;     /* events.c */
void events_init(void);              /* its metrics, before the first request */
lp_service_handler handle_review;    /* review.c */
lp_service_handler handle_recommend; /* recommend.c */
lp_service_handler handle_estimate, handle_reset, handle_reset_all; /* experiments.c */
lp_service_handler handle_export, handle_erase;                     /* learner.c */
