/* autoscaler/samples/scraper.h -- asks every Ready pod for its metrics page, each second. */
#pragma once

#include <stdint.h>

#include "autoscaler/samples/samples.h"
#include "base/error.h"
#include "base/stop.h"

struct scraper_options {
    struct samples *samples; /* borrowed until _join */
    struct lp_stop *stop;
    uint16_t port;        /* of the pods */
    int64_t deadline_ms;  /* of one scrape; 0: 500 */
    unsigned concurrency; /* scrapes at a time; 0: 64 */
};

struct scraper; /* one thread */
LP_MUST_USE int scraper_start(const struct scraper_options *options, struct scraper **ret_scraper,
                              struct lp_error *err);

/* Something is due sooner than before. Any thread. */
void scraper_wake(struct scraper *s);

/* After the stop was requested. NULL is fine. */
void scraper_join(struct scraper *s);
