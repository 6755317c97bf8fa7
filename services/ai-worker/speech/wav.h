/* services/ai-worker/speech/wav.h -- a learner's recording, checked: RIFF, PCM, 16 bits, mono. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define WAV_RATE_MIN 8000
#define WAV_RATE_MAX 48000
#define WAV_SECONDS 30
#define WAV_CHUNKS 64 /* looked through for "fmt " and "data" */

struct wav {
    const uint8_t *pcm; /* of the caller's bytes; read by wav_sample */
    size_t n;           /* samples, 1 and more */
    uint32_t rate;      /* a second */
};

/*
 * What `bytes` hold, which must outlive *ret_wav. A length in a header that says more than there is
 * is refused, never followed. LP_E_INVALID names the field, its value and what is allowed. Thread:
 * any.
 */
LP_MUST_USE int wav_read(const uint8_t *bytes, size_t size, struct wav *ret_wav,
                         struct lp_error *err);

/* Sample `i`, below wav->n. */
static inline int16_t wav_sample(const struct wav *wav, size_t i)
{
    return (int16_t)(uint16_t)(wav->pcm[2 * i] | wav->pcm[2 * i + 1] << 8);
}
