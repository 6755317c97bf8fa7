/* test/fuzz/fuzz_gateway_websocket.c -- any bytes as frames of either side: told the same whatever
 * the pieces, and never more than the limit of a message. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "services/gateway/websocket.h"

#define LIMIT 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned follow(const uint8_t *data, size_t size, bool masked, size_t step,
                       struct websocket *w)
{
    unsigned why = 0;

    memset(w, 0, sizeof *w);
    w->masked = masked;
    for (size_t at = 0; at < size && why == 0; at += step) {
        why = websocket_follow(w, data + at, size - at < step ? size - at : step, LIMIT);
        if (why == 0 && (w->message > LIMIT || w->have > sizeof w->head))
            abort();
    }
    return why;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct websocket whole, parts;

    for (int masked = 0; masked < 2; masked++) {
        unsigned a = follow(data, size, masked, size + 1, &whole);
        unsigned b = follow(data, size, masked, 1, &parts);
        if (a != b || (a == 0 && websocket_between(&whole) != websocket_between(&parts)))
            abort();
    }
    return 0;
}
