/* Stored hashes of any bytes: what is read is written again as the same text, but for leading
 * zeros. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "services/auth/passwords/phc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lp_auto_free char *text = lp_strndup((const char *)data, size);
    struct phc p, again;
    char written[256], twice[256];
    if (!phc_read(text, &p))
        return 0;
    if (!phc_write(&p, written, sizeof written) || !phc_read(written, &again) ||
        !phc_write(&again, twice, sizeof twice) || strcmp(written, twice) != 0)
        abort();
    return 0;
}
