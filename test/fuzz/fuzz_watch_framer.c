/* test/fuzz/fuzz_watch_framer.c -- the first byte says where the stream is cut: in two pieces or in
 * one, the events and the result must be the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kube/watch_framer.h"

#define LINE_BYTES 4096
#define SEEN_BYTES (1 << 20)

static int note(const char *type, json_t *object, void *user, struct lp_error *err)
{
    (void)err;
    lp_buf_printf(user, "%s %zu\n", type, json_object_size(object));
    return 0;
}

static int feed(const char *bytes, size_t n, size_t cut, struct lp_buf *seen)
{
    lp_auto_watch_framer struct lp_watch_framer f = { .tail = LP_BUF_INIT(LINE_BYTES),
                                                      .sink = note,
                                                      .user = seen };
    struct lp_error err;
    int r = lp_watch_framer_feed(&f, bytes, cut, &err);
    return r < 0 ? r : lp_watch_framer_feed(&f, bytes + cut, n - cut, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lp_auto_buf struct lp_buf whole = LP_BUF_INIT(SEEN_BYTES);
    lp_auto_buf struct lp_buf cut = LP_BUF_INIT(SEEN_BYTES);
    const char *bytes = (const char *)data + 1;

    if (size < 1)
        return 0;
    size--;
    int one = feed(bytes, size, 0, &whole);
    int two = feed(bytes, size, size * data[0] / 256, &cut);
    if (one != two || strcmp(whole.ptr, cut.ptr) != 0)
        abort();
    return 0;
}
