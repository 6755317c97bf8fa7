/* Uploads of any bytes: a picture has a side. */
#include <stdint.h>
#include <stdlib.h>

#include "services/auth/accounts/picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct picture p;

    if (picture_read((const char *)data, size, &p) && (p.width == 0 || p.height == 0 || !p.type))
        abort();
    return 0;
}
