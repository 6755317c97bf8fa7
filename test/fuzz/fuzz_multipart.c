/* Forms of any bytes: the parts lie in the body, one behind the other, and come to an end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *body = (const char *)data, *before = body;
    struct lp_multipart form;
    struct lp_multipart_part part;
    struct lp_error err;

    if (lp_multipart_begin(&form, "multipart/form-data; boundary=b", body, size, &err) < 0)
        return 0;
    while (lp_multipart_next(&form, &part, &err) == 0) {
        if (part.bytes < before || part.len > size || part.bytes + part.len > body + size ||
            !memchr(part.name, '\0', sizeof part.name))
            abort();
        before = part.bytes + part.len;
    }
    return 0;
}
