/* test/unit/test_ai_feedback_wav.c -- WAV files, right ones and lying ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "services/ai-feedback/recording/wav.h"

#define HEADER 44

static void put(uint8_t *at, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

/* `n` samples at `rate`, in exactly as many bytes; freed by the caller. */
static uint8_t *make(uint32_t n, uint32_t rate)
{
    uint8_t *w = lp_alloc(HEADER + 2 * (size_t)n);

    memcpy(w, "RIFF....WAVEfmt ", 16);
    put(w + 4, 36 + 2 * n, 4);
    put(w + 16, 16, 4);
    put(w + 20, 1, 2);
    put(w + 22, 1, 2);
    put(w + 24, rate, 4);
    put(w + 28, 2 * rate, 4);
    put(w + 32, 2, 2);
    put(w + 34, 16, 2);
    memcpy(w + 36, "data", 4);
    put(w + 40, 2 * n, 4);
    return w;
}

static void refused(const uint8_t *bytes, size_t size, const char *why)
{
    struct wav wav;
    struct lp_error err = { 0 };

    assert_int_equal(wav_read(bytes, size, &wav, &err), LP_E_INVALID);
    assert_non_null(strstr(err.msg, why));
}

static void test_samples(void **state)
{
    (void)state;
    lp_auto_free uint8_t *w = make(3, 16000);
    struct wav wav;
    struct lp_error err;

    put(w + 44, 0x8000, 2);
    put(w + 46, 0xffff, 2);
    put(w + 48, 0x7fff, 2);
    assert_int_equal(wav_read(w, HEADER + 6, &wav, &err), 0);
    assert_int_equal(wav.n, 3);
    assert_int_equal(wav.rate, 16000);
    assert_int_equal(wav_sample(&wav, 0), -32768);
    assert_int_equal(wav_sample(&wav, 1), -1);
    assert_int_equal(wav_sample(&wav, 2), 32767);
}

/* Of two channels the mean, whose sum is over what a sample can hold. */
static void test_stereo(void **state)
{
    (void)state;
    lp_auto_free uint8_t *w = make(4, 44100);
    struct wav wav;
    struct lp_error err;

    put(w + 22, 2, 2);
    put(w + 28, 4 * 44100, 4);
    put(w + 32, 4, 2);
    put(w + 44, 0x8000, 2);
    put(w + 46, 0x8000, 2);
    put(w + 48, 0x7fff, 2);
    put(w + 50, 0x7ffd, 2);
    assert_int_equal(wav_read(w, HEADER + 8, &wav, &err), 0);
    assert_int_equal(wav.n, 2);
    assert_int_equal(wav.channels, 2);
    assert_int_equal(wav_sample(&wav, 0), -32768);
    assert_int_equal(wav_sample(&wav, 1), 32766);
    put(w + 4, 36 + 6, 4);
    put(w + 40, 6, 4);
    refused(w, HEADER + 6, "must be a multiple of 4");
}

static void test_fields(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        unsigned bytes;
        uint32_t value;
        const char *why;
    } cases[] = {
        { 0, 1, 'X', "no WAV" },
        { 4, 4, 0xffffffff, "RIFF length is 4294967295, but 40 bytes" },
        { 12, 1, 'X', "no chunk \"fmt \"" },
        { 36, 1, 'X', "no chunk \"data\"" },
        { 16, 4, 0xfffffff0, "length of chunk 1 is 4294967280, but 28 bytes" },
        { 20, 2, 3, "format is 3, must be 1" },
        { 22, 2, 0, "number of channels is 0, must be 1 or 2" },
        { 22, 2, 3, "number of channels is 3" },
        { 22, 2, 2, "bytes of a frame is 2, must be 4" },
        { 24, 4, 7999, "sample rate is 7999, must be 8000 to 48000" },
        { 24, 4, 48001, "sample rate is 48001" },
        { 28, 4, 5, "bytes a second is 5, must be 32000" },
        { 32, 2, 4, "bytes of a frame is 4, must be 2" },
        { 34, 2, 8, "bits of a sample is 8, must be 16" },
        { 40, 4, 6, "length of chunk 2 is 6, but 4 bytes" },
        { 40, 4, 3, "length of \"data\" is 3, must be a multiple of 2" },
        { 40, 4, 0, "length of \"data\" is 0" },
    };

    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_free uint8_t *w = make(2, 16000);
        put(w + cases[i].at, cases[i].value, cases[i].bytes);
        refused(w, HEADER + 4, cases[i].why);
    }
}

/* Cut at every byte: never read beyond (the buffer is exactly as long), never taken. */
static void test_cut(void **state)
{
    (void)state;
    lp_auto_free uint8_t *whole = make(2, 8000);

    for (size_t n = 0; n < HEADER + 4; n++) {
        lp_auto_free uint8_t *cut = lp_alloc(n + 1);
        uint8_t *at = cut + 1; /* ends with the buffer */
        memcpy(at, whole, n);
        refused(at, n, "audio");
        if (n >= 8) { /* a length that is right for the cut */
            put(at + 4, (uint32_t)n - 8, 4);
            refused(at, n, "audio");
        }
    }
}

static void test_seconds(void **state)
{
    (void)state;
    uint32_t most = 8000 * WAV_SECONDS;
    lp_auto_free uint8_t *right = make(most, 8000), *over = make(most + 1, 8000);
    struct wav wav;
    struct lp_error err;

    assert_int_equal(wav_read(right, HEADER + 2 * (size_t)most, &wav, &err), 0);
    assert_int_equal(wav.n, most);
    refused(over, HEADER + 2 * (size_t)(most + 1), "has 240001 samples, 240000 at most");
}

/* Chunks of an odd length are filled up, others than ours passed over, but not without end. */
static void test_chunks(void **state)
{
    (void)state;
    lp_auto_free uint8_t *w = make(2, 16000);
    size_t size = HEADER + 4 + 10;
    lp_auto_free uint8_t *more = lp_alloc(size);
    lp_auto_free uint8_t *many = lp_alloc(12 + 8 * (WAV_CHUNKS + 2));
    struct wav wav;
    struct lp_error err;

    memcpy(more, w, 12);
    memcpy(more + 12, "LIST\1\0\0\0x", 10);
    memcpy(more + 22, w + 12, HEADER + 4 - 12);
    put(more + 4, (uint32_t)size - 8, 4);
    assert_int_equal(wav_read(more, size, &wav, &err), 0);
    assert_int_equal(wav.n, 2);
    memcpy(many, w, 12);
    refused(many, 12 + 8 * (WAV_CHUNKS + 2), "over 64 chunks");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples), cmocka_unit_test(test_stereo),
        cmocka_unit_test(test_fields),  cmocka_unit_test(test_cut),
        cmocka_unit_test(test_seconds), cmocka_unit_test(test_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
