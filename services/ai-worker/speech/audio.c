/* services/ai-worker/speech/audio.c -- see audio.h. No state. */
#include "services/ai-worker/speech/audio.h"

#include <math.h>
#include <stdlib.h>

#include <pocketsphinx.h>
#include <samplerate.h>

#include "base/alloc.h"
#include "services/ai-worker/speech/recogniser.h"

void audio_done(struct audio *audio)
{
    free(audio->samples);
    free(audio->voiced);
    *audio = (struct audio){ 0 };
}

static int16_t to_sample(float value)
{
    float scaled = roundf(value * 32768);

    if (scaled > INT16_MAX)
        return INT16_MAX;
    if (scaled < INT16_MIN)
        return INT16_MIN;
    return (int16_t)scaled;
}

/* Both are at most WAV_SECONDS long. */
static int resample(const struct wav *wav, struct audio *audio, struct lp_error *err)
{
    double ratio = (double)RECOGNISER_RATE / wav->rate;
    size_t room = (size_t)ceil((double)wav->n * ratio) + 16;
    lp_auto_free float *in = lp_calloc(wav->n, sizeof *in);
    lp_auto_free float *out = lp_calloc(room, sizeof *out);
    SRC_DATA data = { .data_in = in,
                      .data_out = out,
                      .input_frames = (long)wav->n,
                      .output_frames = (long)room,
                      .src_ratio = ratio };

    for (size_t i = 0; i < wav->n; i++)
        in[i] = (float)wav_sample(wav, i) / 32768;
    int failed = src_simple(&data, SRC_SINC_FASTEST, 1);
    if (failed)
        return lp_error_set(err, LP_E_INTERNAL, "libsamplerate: %s", src_strerror(failed));
    audio->n = (size_t)data.output_frames_gen;
    audio->samples = lp_calloc(audio->n + 1, sizeof *audio->samples);
    for (size_t i = 0; i < audio->n; i++)
        audio->samples[i] = to_sample(out[i]);
    return 0;
}

static int find_voice(struct audio *audio, struct lp_error *err)
{
    ps_vad_t *vad =
        ps_vad_init(PS_VAD_MEDIUM_STRICT, RECOGNISER_RATE, (double)AUDIO_VOICE_MS / 1000);
    size_t frame = vad ? ps_vad_frame_size(vad) : 0;

    if (!vad)
        return lp_error_set(err, LP_E_INTERNAL, "no detector of voice");
    audio->n_voiced = audio->n / frame;
    audio->voiced = lp_calloc(audio->n_voiced + 1, sizeof *audio->voiced);
    for (size_t i = 0; i < audio->n_voiced; i++)
        audio->voiced[i] = ps_vad_classify(vad, audio->samples + i * frame) == PS_VAD_SPEECH;
    ps_vad_free(vad);
    return 0;
}

int audio_read(const struct wav *wav, struct audio *ret_audio, struct lp_error *err)
{
    auto_audio struct audio audio = { 0 };
    int r = 0;

    if (wav->rate == RECOGNISER_RATE) {
        audio.n = wav->n;
        audio.samples = lp_calloc(audio.n, sizeof *audio.samples);
        for (size_t i = 0; i < audio.n; i++)
            audio.samples[i] = wav_sample(wav, i);
    } else {
        r = resample(wav, &audio, err);
    }
    if (r == 0)
        r = find_voice(&audio, err);
    if (r == 0) {
        *ret_audio = audio;
        audio = (struct audio){ 0 };
    }
    return r;
}

int audio_speech_ms(const struct audio *audio, int from_ms, int ms)
{
    int n = 0;

    for (size_t i = 0; i < audio->n_voiced; i++) {
        int middle = (int)i * AUDIO_VOICE_MS + AUDIO_VOICE_MS / 2;
        n += audio->voiced[i] && middle >= from_ms && middle < from_ms + ms;
    }
    return n * AUDIO_VOICE_MS;
}

int audio_ms(const struct audio *audio)
{
    return (int)(audio->n * 1000 / RECOGNISER_RATE);
}
