/* services/ai-feedback/engines/transcribe.c -- the audio as a part of a form (RFC 7578), the answer
 * as text. */
#include "services/ai-feedback/engines/transcribe.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "json/json.h"

#define BOUNDARY 33 /* 128 bits as hex, which no audio holds by chance */

/* The name that tells the format, NULL for what is none of these. */
static const char *file_name(const char *content_type)
{
    static const char *const names[][2] = {
        { "audio/wav", "audio.wav" },   { "audio/x-wav", "audio.wav" },
        { "audio/wave", "audio.wav" },  { "audio/vnd.wave", "audio.wav" },
        { "audio/mpeg", "audio.mp3" },  { "audio/mp4", "audio.mp4" },
        { "audio/x-m4a", "audio.m4a" }, { "audio/ogg", "audio.ogg" },
        { "audio/webm", "audio.webm" }, { "audio/flac", "audio.flac" },
    };
    size_t len = content_type ? strcspn(content_type, "; \t") : 0;

    for (size_t i = 0; i < LP_COUNT(names); i++)
        if (strlen(names[i][0]) == len && strncasecmp(names[i][0], content_type, len) == 0)
            return names[i][1];
    return NULL;
}

bool transcribe_takes(const char *content_type)
{
    return file_name(content_type) != NULL;
}

static int read_answer(const char *body, size_t len, void *user, struct lp_error *err)
{
    char **ret_text = user;
    json_auto_t *document = NULL;
    int r = lp_json_parse(body, len, TRANSCRIBE_ANSWER, "transcription", &document, err);

    if (r < 0)
        return r;
    const json_t *text = json_object_get(document, "text");
    if (!json_is_string(text) || json_string_length(text) > TRANSCRIBE_TEXT)
        return lp_error_set(err, LP_E_INVALID,
                            "transcription: text must be a string of at most %d bytes",
                            TRANSCRIBE_TEXT);
    *ret_text = lp_strdup(json_string_value(text));
    return 0;
}

static void make_boundary(char boundary[BOUNDARY])
{
    unsigned char random[16];

    if (RAND_bytes(random, sizeof random) != 1)
        abort(); /* no randomness: nothing here is safe */
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(boundary + 2 * i, 3, "%02x", random[i]);
}

static void write_form(const char *model, const char *boundary, const char *name, const void *audio,
                       size_t len, struct lp_buf *form)
{
    const char *const fields[][2] = { { "model", model },
                                      { "language", "en" },
                                      { "response_format", "json" } };

    for (size_t i = 0; i < LP_COUNT(fields); i++)
        lp_buf_printf(form, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n",
                      boundary, fields[i][0], fields[i][1]);
    lp_buf_printf(form,
                  "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n"
                  "Content-Type: application/octet-stream\r\n\r\n",
                  boundary, name);
    lp_buf_add(form, audio, len);
    lp_buf_printf(form, "\r\n--%s--\r\n", boundary);
}

enum engine_outcome transcribe(const struct transcriber *t, const char *content_type,
                               const void *audio, size_t len, int64_t deadline_ms, char **ret_text)
{
    char boundary[BOUNDARY], type[96];
    lp_auto_buf struct lp_buf form = LP_BUF_INIT(len + 4096);
    lp_auto_free char *key = lp_sprintf("Authorization: Bearer %s", t->key);
    const char *const headers[] = { type, "Accept: application/json", *t->key ? key : NULL, NULL };

    make_boundary(boundary);
    snprintf(type, sizeof type, "Content-Type: multipart/form-data; boundary=%s", boundary);
    write_form(t->model, boundary, file_name(content_type), audio, len, &form);
    const struct engine_ask ask = { .headers = headers,
                                    .body = form.ptr,
                                    .body_len = form.len,
                                    .deadline_ms = deadline_ms,
                                    .read = read_answer,
                                    .user = ret_text };
    return engine_ask(t->engine, &ask);
}
