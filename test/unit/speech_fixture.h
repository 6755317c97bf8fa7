/* test/unit/speech_fixture.h -- recordings of what nobody said: flite and espeak-ng read texts. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/spawn.h"

struct recording {
    uint8_t *bytes; /* a WAV file; freed by the caller */
    size_t size;
};

static void put(uint8_t *at, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t get(const uint8_t *at, unsigned bytes)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value |= (uint32_t)at[i] << 8 * i;
    return value;
}

#define WAV_HEADER 44

/* The header of `n` frames of 16 bits. */
static void put_header(uint8_t *w, uint32_t n, uint32_t rate, uint32_t channels)
{
    static const char riff[16] = { 'R', 'I', 'F', 'F', 0,   0,   0,   0,
                                   'W', 'A', 'V', 'E', 'f', 'm', 't', ' ' };
    static const char data[4] = { 'd', 'a', 't', 'a' };

    memcpy(w, riff, sizeof riff);
    put(w + 4, 36 + 2 * channels * n, 4);
    put(w + 16, 16, 4);
    put(w + 20, 1, 2);
    put(w + 22, channels, 2);
    put(w + 24, rate, 4);
    put(w + 28, 2 * channels * rate, 4);
    put(w + 32, 2 * channels, 2);
    put(w + 34, 16, 2);
    memcpy(w + 36, data, sizeof data);
    put(w + 40, 2 * channels * n, 4);
}

static struct recording read_recording(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct recording r = { lp_alloc(4 << 20), 0 };

    if (f)
        r.size = fread(r.bytes, 1, 4 << 20, f);
    if (f)
        fclose(f);
    unlink(path);
    return r;
}

/* `voice` is one of flite ("slt", "rms", "awb", "kal16"), or of espeak-ng ("en-us"). What both
 * write has a header of 44 bytes. Ends the test program where they are missing. */
static struct recording say(const char *voice, const char *text)
{
    char path[] = "/tmp/speech-XXXXXX.wav";
    int fd = mkstemps(path, 4), status = -1;
    bool espeak = strchr(voice, '-') != NULL;
    char *flite[] = { (char *)"flite", (char *)"-voice", (char *)voice, (char *)"-t",
                      (char *)text,    (char *)"-o",     path,          NULL };
    char *espeak_ng[] = { (char *)"espeak-ng", (char *)"-v", (char *)voice, (char *)"-w", path,
                          (char *)text,        NULL };
    const struct lp_spawn how = { .argv = espeak ? espeak_ng : flite,
                                  .env = environ,
                                  .in = LP_SPAWN_NULL,
                                  .out = LP_SPAWN_NULL,
                                  .err = LP_SPAWN_INHERIT };
    pid_t pid;

    if (fd >= 0)
        close(fd);
    if (lp_spawn(&how, &pid) != 0 || waitpid(pid, &status, 0) < 0 || status != 0) {
        fprintf(stderr, "%s does not work: apt-get install flite espeak-ng\n", how.argv[0]);
        exit(1);
    }
    return read_recording(path);
}

/* `n` frames of silence at `rate`. */
__attribute__((unused)) static struct recording silence(uint32_t n, uint32_t rate)
{
    struct recording r = { lp_alloc(WAV_HEADER + 2 * (size_t)n), WAV_HEADER + 2 * (size_t)n };

    put_header(r.bytes, n, rate, 1);
    return r;
}

/* One recording, `gap_ms` of silence, and another, both of one rate. */
__attribute__((unused)) static struct recording join(struct recording a, uint32_t gap_ms,
                                                     struct recording b)
{
    uint32_t rate = get(a.bytes + 24, 4), gap = rate * gap_ms / 1000;
    size_t n = (a.size - WAV_HEADER) / 2, m = (b.size - WAV_HEADER) / 2, all = n + gap + m;
    struct recording r = { lp_alloc(WAV_HEADER + 2 * all), WAV_HEADER + 2 * all };

    put_header(r.bytes, (uint32_t)all, rate, 1);
    memcpy(r.bytes + WAV_HEADER, a.bytes + WAV_HEADER, 2 * n);
    memcpy(r.bytes + WAV_HEADER + 2 * (n + gap), b.bytes + WAV_HEADER, 2 * m);
    free(a.bytes);
    free(b.bytes);
    return r;
}

/* The same at another rate, in one or two channels: straight lines between the samples. */
__attribute__((unused)) static struct recording convert(struct recording a, uint32_t rate,
                                                        uint32_t channels)
{
    uint32_t from = get(a.bytes + 24, 4), n = (uint32_t)(a.size - WAV_HEADER) / 2;
    uint32_t m = (uint32_t)((uint64_t)(n - 1) * rate / from);
    size_t size = WAV_HEADER + 2 * (size_t)channels * m;
    struct recording r = { lp_alloc(size), size };

    put_header(r.bytes, m, rate, channels);
    for (uint32_t i = 0; i < m; i++) {
        double at = (double)i * from / rate;
        size_t k = (size_t)at;
        int16_t x = (int16_t)get(a.bytes + WAV_HEADER + 2 * k, 2);
        int16_t y = (int16_t)get(a.bytes + WAV_HEADER + 2 * (k + 1), 2);
        int16_t value = (int16_t)(x + (y - x) * (at - (double)k));
        for (uint32_t c = 0; c < channels; c++)
            put(r.bytes + WAV_HEADER + 2 * ((size_t)i * channels + c), (uint16_t)value, 2);
    }
    free(a.bytes);
    return r;
}
