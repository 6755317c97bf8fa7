/* test/fuzz/fuzz_gateway_target.c -- any target is refused, or gives a path with single slashes and
 * no byte that was not sent, which splits into itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "services/gateway/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lp_auto_buf struct lp_buf path = LP_BUF_INIT(LP_LIMIT_HTTP_TARGET);
    lp_auto_buf struct lp_buf query = LP_BUF_INIT(LP_LIMIT_HTTP_TARGET);
    lp_auto_buf struct lp_buf again = LP_BUF_INIT(LP_LIMIT_HTTP_TARGET);

    if (memchr(data, '\0', size) || !target_split((const char *)data, size, &path, &query))
        return 0;
    if (path.ptr[0] != '/' || strstr(path.ptr, "//") || strchr(path.ptr, '?') ||
        (query.ptr[0] != '?' && query.len > 0))
        abort();
    size_t had = query.len;
    if (!target_split(path.ptr, path.len, &again, &query) || strcmp(path.ptr, again.ptr) != 0 ||
        query.len != had)
        abort();
    return 0;
}
