/* test/fuzz/fuzz_zone.c -- any bytes are refused as a file of a time zone, or make a zone
 * whose periods follow each other, and whose clock shows each time first where it is said to. */
#include <stdint.h>
#include <stdlib.h>

#include "base/zone.h"

#define YEAR_S INT64_C(31556952)
#define GREATEST_OFFSET 93600

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t shown(const struct zone *z, int64_t at)
{
    int64_t until, offset = zone_offset(z, at, &until);

    if (until <= at || offset > GREATEST_OFFSET || offset < -GREATEST_OFFSET)
        abort();
    return at + offset;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zone *z = NULL;
    struct lp_error err;

    if (zone_parse(data, size, &z, &err) < 0)
        return 0;
    for (int64_t local = -100 * YEAR_S; local < 200 * YEAR_S; local += YEAR_S / 2) {
        int64_t first = zone_first(z, local);
        if (shown(z, first) < local || (shown(z, first) > local && shown(z, first - 1) >= local))
            abort();
    }
    zone_free(z);
    return 0;
}
