/* test/fuzz/fuzz_quantity.c -- any text is refused, or gives a number that is written and read back
 * as itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "kube/quantity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lp_auto_free char *text = lp_strndup((const char *)data, size);
    char again[LP_QUANTITY_TEXT];
    int64_t milli = -1, back = -1;
    struct lp_error err;

    if (lp_quantity_parse(text, &milli, &err) < 0)
        return 0;
    if (milli < 0)
        abort();
    lp_quantity_format(milli, again);
    if (lp_quantity_parse(again, &back, &err) < 0 || back != milli)
        abort();
    return 0;
}
