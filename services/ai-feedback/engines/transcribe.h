/* services/ai-feedback/engines/transcribe.h -- speech to text by another server (ASR_URL, OpenAI's
 * HTTP API: POST /v1/audio/transcriptions). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "services/ai-feedback/engines/engine.h"

#define TRANSCRIBE_ANSWER ((size_t)256 << 10) /* bytes of its answer */
#define TRANSCRIBE_TEXT 65536 /* bytes of the text in it; a longer one is no answer */

struct transcriber {
    struct engine *engine; /* NULL: there is none */
    const char *model;     /* its name of one; borrowed */
    const char *key;       /* of Authorization: Bearer; "": none; borrowed */
};

/* True for a Content-Type of audio that such servers read: WAV, MP3, MP4, OGG, WebM, FLAC. */
bool transcribe_takes(const char *content_type);

/* The English that was said in `len` bytes of such audio: into *ret_text where it answered, valid
 * UTF-8, owned by the caller. */
enum engine_outcome transcribe(const struct transcriber *t, const char *content_type,
                               const void *audio, size_t len, int64_t deadline_ms, char **ret_text);
