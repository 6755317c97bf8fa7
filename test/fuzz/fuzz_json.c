/* test/fuzz/fuzz_json.c -- the fast reader on any bytes: it takes what jansson takes, and makes the
 * same of it. */
#include <stdint.h>
#include <stdlib.h>

#include "json/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_error_t why;
    json_auto_t *fast = lp_json_load((const char *)data, size, &why);
    json_auto_t *slow = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, &why);

    if ((fast == NULL) != (slow == NULL) || (fast && !json_equal(fast, slow)))
        abort();
    return 0;
}
