/* test/fuzz/fuzz_autoscaler_promtext.c -- any bytes as a pod's metrics page: refused, or numbers
 * within their limits. */
#include <stdint.h>
#include <stdlib.h>

#include "autoscaler/samples/promtext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct promtext_page page;
    struct lp_error err;

    if (promtext_parse((const char *)data, size, &page, &err) < 0)
        return 0;
    if (page.waiting < 0 || page.in_flight < 0 || page.n_queues > PROMTEXT_QUEUES)
        abort();
    for (unsigned i = 0; i < page.n_queues; i++)
        if (page.queues[i].depth < 0)
            abort();
    return 0;
}
