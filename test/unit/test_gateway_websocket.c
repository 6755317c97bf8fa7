/* Frames of WebSockets: what passes, what ends one, and with which code. */
#include "services/gateway/websocket.h"

#include <string.h>

#include "base/alloc.h"
#include "unit/check.h"

#define MASK "\x01\x02\x03\x04"

static const struct {
    const char *what, *bytes;
    size_t n;
    unsigned want;
    bool between; /* afterwards */
} frames[] = {
    { "text", "\x81\x82" MASK "hi", 8, 0, true },
    { "empty", "\x81\x80" MASK, 6, 0, true },
    { "half a frame", "\x81\x82" MASK "h", 7, 0, false },
    { "half a header", "\x81\xfe\x00", 3, 0, false },
    { "fragments with a ping between", "\x01\x81" MASK "a\x89\x80" MASK "\x80\x81" MASK "b", 20, 0,
      true },
    { "a close", "\x88\x82" MASK "\x03\xe8", 8, 0, false },
    { "reserved bits of an extension", "\xc1\x81" MASK "a", 7, 0, true },
    { "not masked", "\x81\x02hi", 4, WEBSOCKET_PROTOCOL_ERROR, false },
    { "unknown opcode", "\x83\x80" MASK, 6, WEBSOCKET_PROTOCOL_ERROR, false },
    { "unknown control opcode", "\x8b\x80" MASK, 6, WEBSOCKET_PROTOCOL_ERROR, false },
    { "continuation of nothing", "\x80\x80" MASK, 6, WEBSOCKET_PROTOCOL_ERROR, false },
    { "a new message within one", "\x01\x80" MASK "\x81\x80" MASK, 12, WEBSOCKET_PROTOCOL_ERROR,
      false },
    { "a control frame in fragments", "\x09\x80" MASK, 6, WEBSOCKET_PROTOCOL_ERROR, false },
    { "a long control frame", "\x89\xfe\x00\x7e" MASK, 8, WEBSOCKET_PROTOCOL_ERROR, false },
    { "a length in two bytes that one holds", "\x81\xfe\x00\x7d" MASK, 8, WEBSOCKET_PROTOCOL_ERROR,
      false },
    { "a length in eight bytes that two hold", "\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff" MASK, 14,
      WEBSOCKET_PROTOCOL_ERROR, false },
    { "a length over 63 bits", "\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00" MASK, 14,
      WEBSOCKET_PROTOCOL_ERROR, false },
    { "a message over the limit", "\x81\xfe\x04\x01" MASK, 8, WEBSOCKET_TOO_BIG, false },
    { "fragments over the limit together", "\x01\xfe\x02\x00" MASK, 8, 0, false },
    { "something behind a close", "\x88\x80" MASK "\x81\x80" MASK, 12, WEBSOCKET_PROTOCOL_ERROR,
      false },
};

static void follows_frames_wherever_they_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < LP_COUNT(frames); i++) {
        for (size_t step = 1; step <= frames[i].n; step++) {
            struct websocket w = { .masked = true };
            unsigned got = 0;
            for (size_t at = 0; at < frames[i].n && got == 0; at += step) {
                size_t n = frames[i].n - at < step ? frames[i].n - at : step;
                got = websocket_follow(&w, frames[i].bytes + at, n, 1024);
            }
            if (got != frames[i].want || (got == 0 && websocket_between(&w) != frames[i].between))
                fail_msg("%s in steps of %zu: %u", frames[i].what, step, got);
        }
    }
}

static void counts_the_fragments_of_a_message_together(void **state)
{
    char block[1024] = "";
    struct websocket w = { .masked = true };
    (void)state;

    assert_int_equal(websocket_follow(&w, "\x01\xfe\x02\x00" MASK, 8, 1024), 0);
    assert_int_equal(websocket_follow(&w, block, 512, 1024), 0);
    assert_int_equal(websocket_follow(&w, "\x00\xfe\x02\x00" MASK, 8, 1024), 0);
    assert_int_equal(websocket_follow(&w, block, 512, 1024), 0);
    assert_int_equal(websocket_follow(&w, "\x80\x81" MASK, 6, 1024), WEBSOCKET_TOO_BIG);
}

static void writes_a_close_frame_that_a_client_takes(void **state)
{
    unsigned char frame[WEBSOCKET_CLOSE_BYTES];
    struct websocket w = { .masked = false };
    (void)state;

    assert_int_equal(websocket_close_frame(frame, WEBSOCKET_RESTART), 4);
    assert_memory_equal(frame, "\x88\x02\x03\xf4", 4);
    assert_int_equal(websocket_follow(&w, frame, 4, 0), 0);
    assert_true(w.closed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_frames_wherever_they_are_cut),
        cmocka_unit_test(counts_the_fragments_of_a_message_together),
        cmocka_unit_test(writes_a_close_frame_that_a_client_takes),
    };
    return cmocka_run_group_tests_name("gateway_websocket", tests, NULL, NULL);
}
