/* Uploads of any bytes: a form's file lies inside the body, and a picture has a side. */
#include <stdint.h>
#include <stdlib.h>

#include "services/auth/accounts/picture.h"
#include "services/auth/http/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct multipart_file file = { (const char *)data, size };
    struct picture p;
    if (multipart_find_file("multipart/form-data; boundary=b", (const char *)data, size, &file) &&
        (file.bytes < (const char *)data || file.len > size ||
         file.bytes + file.len > (const char *)data + size))
        abort();
    if (picture_read(file.bytes, file.len, &p) && (p.width == 0 || p.height == 0 || !p.type))
        abort();
    return 0;
}
