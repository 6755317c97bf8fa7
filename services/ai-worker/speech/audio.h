/* services/ai-worker/speech/audio.h -- a recording as the recogniser wants it, and where in it
 * somebody speaks. Pure functions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "services/ai-feedback/recording/wav.h"

#define AUDIO_VOICE_MS 30

struct audio {
    int16_t *samples; /* owned, at RECOGNISER_RATE */
    size_t n;
    bool *voiced; /* owned, one for each AUDIO_VOICE_MS: is that speech? */
    size_t n_voiced;
};
#define auto_audio __attribute__((cleanup(audio_done)))
void audio_done(struct audio *audio);

/* Initialise *ret_audio with {0}. LP_E_INTERNAL. */
LP_MUST_USE int audio_read(const struct wav *wav, struct audio *ret_audio, struct lp_error *err);

/* Milliseconds of speech from `from_ms` on, for `ms`. */
int audio_speech_ms(const struct audio *audio, int from_ms, int ms);
/* Of the whole recording. */
int audio_ms(const struct audio *audio);
