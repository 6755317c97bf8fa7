/* test/fuzz/fuzz_autoscaler_ring.c -- any bytes as the lines of a ring, and as its compressed form:
 * they are refused or read, and what is appended to them is there and within the limits. */
#include <stdint.h>
#include <stdlib.h>

#include "autoscaler/policy/ring.h"
#include "base/base64.h"
#include "json/json.h"

#define NOW INT64_C(1764590400000) /* 2025-12-01T12:00:00Z */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *config_map(const void *bytes, size_t n)
{
    lp_auto_buf struct lp_buf base64 = LP_BUF_INIT((size_t)1 << 20);

    lp_base64_encode(bytes, n, &base64);
    return lp_json_make("{s:{s:s}}", "binaryData", RING_KEY, base64.ptr);
}

static void append_and_pack(struct lp_buf *text)
{
    lp_auto_buf struct lp_buf packed = LP_BUF_INIT(RING_PACKED), again = LP_BUF_INIT(RING_TEXT);
    json_auto_t *new =
        lp_json_make("[{s:s, s:s}]", "time", "2025-12-01T12:00:00.000Z", "service", "auth");
    struct lp_error err;

    ring_append(text, new, NOW);
    ring_pack(text, &packed);
    json_auto_t *o = config_map(packed.ptr, packed.len);
    if (packed.overflowed || ring_text(o, &again, &err) < 0 || again.len != text->len ||
        again.len == 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(RING_TEXT);
    json_auto_t *read = NULL;
    struct lp_error err;

    if (size > RING_PACKED)
        return 0;
    json_auto_t *o = config_map(data, size);
    if (ring_read(o, &read, &err) == 0 && !json_is_array(read))
        abort();
    lp_buf_add(&text, data, size);
    append_and_pack(&text);
    return 0;
}
