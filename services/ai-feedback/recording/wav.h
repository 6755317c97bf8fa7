/* services/ai-feedback/recording/wav.h -- a learner's recording, checked: RIFF, PCM, 16 bits, mono
 * or stereo. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define WAV_RATE_MIN 8000
#define WAV_RATE_MAX 48000
#define WAV_SECONDS 30
#define WAV_CHUNKS 64 /* looked through for "fmt " and "data" */
/* No recording that is taken is longer: two channels at the highest rate, and the chunks beside. */
#define WAV_BYTES ((size_t)(WAV_SECONDS * WAV_RATE_MAX * 4 + (64 << 10)))

struct wav {
    const uint8_t *pcm; /* of the caller's bytes; read by wav_sample */
    size_t n;           /* samples of a channel, 1 and more */
    uint32_t rate;      /* a second */
    uint32_t channels;  /* 1 or 2 */
};

/*
 * What `bytes` hold, which must outlive *ret_wav. A length in a header that says more than there is
 * is refused, never followed. LP_E_INVALID names the field, its value and what is allowed. Costs a
 * look at the header only. Thread: any.
 */
LP_MUST_USE int wav_read(const void *bytes, size_t size, struct wav *ret_wav, struct lp_error *err);

/* Sample `i`, below wav->n; of two channels their mean. */
int16_t wav_sample(const struct wav *wav, size_t i);
