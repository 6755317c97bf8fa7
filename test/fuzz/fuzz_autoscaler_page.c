/* test/fuzz/fuzz_autoscaler_page.c -- any bytes as a pod's answer: more, bad, or a body within
 * them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "autoscaler/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int ended = 0; ended < 2; ended++) {
        char *bytes = malloc(size ? size : 1);
        struct page page;
        if (!bytes)
            abort();
        if (size > 0)
            memcpy(bytes, data, size);
        if (page_read(bytes, size, ended != 0, &page) == PAGE_WHOLE &&
            (page.body < bytes || page.body + page.len > bytes + size))
            abort();
        free(bytes);
    }
    return 0;
}
