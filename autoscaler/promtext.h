/* autoscaler/promtext.h -- what we want from a pod's /metrics page (Prometheus text, 0.0.4). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define PROMTEXT_QUEUES 4      /* shared backlogs that one service may have */
#define PROMTEXT_QUEUE_NAME 48 /* bytes of a backlog's name with its NUL */

/* All numbers in thousandths, rounded up, 0 and more. */
struct promtext_page {
    int64_t waiting, in_flight;
    unsigned n_queues;
    struct promtext_queue {
        char name[PROMTEXT_QUEUE_NAME];
        int64_t depth;
    } queues[PROMTEXT_QUEUES];
};

/*
 * Reads lp_requests_waiting and lp_requests_in_flight (several series of one are added up) and
 * lp_backlog{queue}. LP_E_INVALID where one of the first two is missing, is NaN, infinite, negative
 * or over 9.2e15 / 1000, where a line of theirs is malformed, or there are more than
 * PROMTEXT_QUEUES backlogs: a page that is half right is not taken. Lines of other metrics are not
 * looked at.
 */
LP_MUST_USE int promtext_parse(const char *bytes, size_t len, struct promtext_page *ret_page,
                               struct lp_error *err);
