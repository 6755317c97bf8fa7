/* test/fuzz/fuzz_ai_feedback_wav.c -- any bytes as a recording: what is taken lies within them and
 * within the bounds. */
#include <stdint.h>
#include <stdlib.h>

#include "services/ai-feedback/recording/wav.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wav wav;
    struct lp_error err;
    volatile int16_t last; /* reads it */

    if (wav_read(data, size, &wav, &err) < 0)
        return 0;
    if (wav.rate < WAV_RATE_MIN || wav.rate > WAV_RATE_MAX || wav.n == 0 ||
        wav.n > (size_t)wav.rate * WAV_SECONDS)
        abort();
    if (wav.channels < 1 || wav.channels > 2 || wav.pcm < data || wav.pcm > data + size ||
        2 * wav.channels * wav.n > size - (size_t)(wav.pcm - data) || size > WAV_BYTES)
        abort();
    for (size_t i = 0; i < wav.n; i++)
        last = wav_sample(&wav, i);
    (void)last;
    return 0;
}
