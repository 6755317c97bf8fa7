/* test/fuzz/fuzz_route_path.c -- request paths: what is read stays inside, what is found fits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "service/routes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct lp_route routes[] = {
    { .method = "GET", .path = "/", .name = "root" },
    { .method = "GET", .path = "/a/:one/b/:two", .name = "two" },
    { .method = "GET", .path = "/:one", .name = "one" },
    { 0 },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lp_auto_free char *path = lp_strndup((const char *)data, size);
    struct lp_route_path p;

    if (!lp_route_path_read(path, &p))
        return 0;
    for (unsigned i = 0; i < p.n; i++)
        if (p.segments[i] < p.bytes.ptr || p.segments[i] >= p.bytes.ptr + p.bytes.len)
            abort();
    const struct lp_route *r = lp_route_find(routes, "GET", &p);
    if (r && strcmp(r->name, "two") == 0 && (p.n != 4 || !p.params[0] || !p.params[1]))
        abort();
    lp_route_path_done(&p);
    return 0;
}
