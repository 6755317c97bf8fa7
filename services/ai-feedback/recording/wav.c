/* services/ai-feedback/recording/wav.c -- see wav.h. No state. */
#include "services/ai-feedback/recording/wav.h"

#include <string.h>

#define RIFF_HEADER 12 /* "RIFF", length, "WAVE" */
#define CHUNK_HEADER 8 /* name, length */
#define FORMAT_MIN 16
#define FORMAT_PCM 1

struct chunk {
    const uint8_t *at; /* its content */
    uint32_t size;
};

static uint32_t get_u16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t get_u32(const uint8_t *p)
{
    return get_u16(p) | get_u16(p + 2) << 16;
}

static int check_riff(const uint8_t *bytes, size_t size, struct lp_error *err)
{
    if (size > WAV_BYTES)
        return lp_error_set(err, LP_E_INVALID, "audio has %zu bytes, %zu at most", size, WAV_BYTES);
    if (size < RIFF_HEADER || memcmp(bytes, "RIFF", 4) != 0 || memcmp(bytes + 8, "WAVE", 4) != 0)
        return lp_error_set(err, LP_E_INVALID, "audio is no WAV: it must begin with RIFF and WAVE");
    if (get_u32(bytes + 4) > size - CHUNK_HEADER)
        return lp_error_set(err, LP_E_INVALID, "audio: RIFF length is %u, but %zu bytes follow it",
                            get_u32(bytes + 4), size - CHUNK_HEADER);
    return 0;
}

/* Each of "fmt " and "data" the first that there is; others are passed over. */
static int find_chunks(const uint8_t *bytes, size_t size, struct chunk *format, struct chunk *data,
                       struct lp_error *err)
{
    size_t at = RIFF_HEADER;

    for (unsigned i = 0; !format->at || !data->at; i++) {
        if (size - at < CHUNK_HEADER)
            return lp_error_set(err, LP_E_INVALID, "audio has no chunk \"%s\"",
                                format->at ? "data" : "fmt ");
        if (i == WAV_CHUNKS)
            return lp_error_set(err, LP_E_INVALID, "audio has over %d chunks", WAV_CHUNKS);
        const uint8_t *name = bytes + at;
        uint32_t n = get_u32(name + 4);
        at += CHUNK_HEADER;
        if (n > size - at)
            return lp_error_set(err, LP_E_INVALID,
                                "audio: length of chunk %u is %u, but %zu bytes follow it", i + 1,
                                n, size - at);
        if (!format->at && memcmp(name, "fmt ", 4) == 0)
            *format = (struct chunk){ bytes + at, n };
        else if (!data->at && memcmp(name, "data", 4) == 0)
            *data = (struct chunk){ bytes + at, n };
        at += n;
        at += n % 2 != 0 && at < size; /* chunks begin at even bytes */
    }
    return 0;
}

static int must_be(const char *field, uint32_t value, uint32_t allowed, struct lp_error *err)
{
    if (value == allowed)
        return 0;
    return lp_error_set(err, LP_E_INVALID, "audio: %s is %u, must be %u", field, value, allowed);
}

static int check_format(const struct chunk *format, struct wav *ret_wav, struct lp_error *err)
{
    if (format->size < FORMAT_MIN)
        return lp_error_set(err, LP_E_INVALID,
                            "audio: length of \"fmt \" is %u, must be at least %d", format->size,
                            FORMAT_MIN);
    const uint8_t *p = format->at;
    uint32_t rate = get_u32(p + 4), channels = get_u16(p + 2);
    int r = must_be("format", get_u16(p), FORMAT_PCM, err);

    if (r == 0 && (channels < 1 || channels > 2))
        r = lp_error_set(err, LP_E_INVALID, "audio: number of channels is %u, must be 1 or 2",
                         channels);
    if (r == 0)
        r = must_be("bits of a sample", get_u16(p + 14), 16, err);
    if (r == 0 && (rate < WAV_RATE_MIN || rate > WAV_RATE_MAX))
        r = lp_error_set(err, LP_E_INVALID, "audio: sample rate is %u, must be %d to %d", rate,
                         WAV_RATE_MIN, WAV_RATE_MAX);
    if (r == 0)
        r = must_be("bytes of a frame", get_u16(p + 12), 2 * channels, err);
    if (r == 0)
        r = must_be("bytes a second", get_u32(p + 8), 2 * channels * rate, err);
    ret_wav->rate = rate;
    ret_wav->channels = channels;
    return r;
}

int wav_read(const void *bytes, size_t size, struct wav *ret_wav, struct lp_error *err)
{
    struct chunk format = { 0 }, data = { 0 };
    struct wav wav = { 0 };
    int r = check_riff(bytes, size, err);

    if (r == 0)
        r = find_chunks(bytes, size, &format, &data, err);
    if (r == 0)
        r = check_format(&format, &wav, err);
    if (r < 0)
        return r;
    uint32_t frame = wav.channels == 2 ? 4 : 2;
    if (data.size == 0 || data.size % frame != 0)
        return lp_error_set(err, LP_E_INVALID,
                            "audio: length of \"data\" is %u, must be a multiple of %u, and not 0",
                            data.size, frame);
    if (data.size / frame > wav.rate * WAV_SECONDS)
        return lp_error_set(err, LP_E_INVALID, "audio has %u samples, %u at most: %d s at %u Hz",
                            data.size / frame, wav.rate * WAV_SECONDS, WAV_SECONDS, wav.rate);
    wav.pcm = data.at;
    wav.n = data.size / frame;
    *ret_wav = wav;
    return 0;
}

int16_t wav_sample(const struct wav *wav, size_t i)
{
    const uint8_t *p = wav->pcm + (size_t)2 * wav->channels * i;
    int left = (int16_t)get_u16(p);

    if (wav->channels == 1)
        return (int16_t)left;
    return (int16_t)((left + (int16_t)get_u16(p + 2)) / 2);
}
