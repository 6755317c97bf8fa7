/* test/fuzz/fuzz_gateway_target.c -- any target is refused, or gives a path with single slashes and
 * no byte that was not sent, which splits into itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "services/gateway/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lp_auto_free char *raw = lp_strndup((const char *)data, size);
    lp_auto_buf struct lp_buf path = LP_BUF_INIT(LP_LIMIT_HTTP_TARGET);
    lp_auto_buf struct lp_buf again = LP_BUF_INIT(LP_LIMIT_HTTP_TARGET);
    const char *query = NULL;

    if (!target_split(raw, &path, &query))
        return 0;
    if (path.ptr[0] != '/' || strstr(path.ptr, "//") || strchr(path.ptr, '?') ||
        (*query != '?' && *query != '\0') || query != raw + strlen(raw) - strlen(query))
        abort();
    if (!target_split(path.ptr, &again, &query) || strcmp(path.ptr, again.ptr) != 0 || *query)
        abort();
    return 0;
}
