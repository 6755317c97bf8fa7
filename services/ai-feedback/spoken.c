/* services/ai-feedback/spoken.c -- decodes requests of /pronunciation. No state. */
#include "services/ai-feedback/spoken.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "http/multipart.h"
#include "json/json.h"
#include "services/ai-feedback/jobs/queue.h"
#include "services/ai-feedback/recording/reference.h"

#define USER 128    /* bytes of a userId */
#define PARTS 16    /* of a form; more are too many */
#define WAV_HEAD 12 /* "RIFF", a length, "WAVE" */

void spoken_done(struct spoken *s)
{
    free(s->text);
    free(s->l1);
    json_decref(s->user);
    *s = (struct spoken){ 0 };
}

static int refuse(struct lp_error *err, int status)
{
    err->http_status = status;
    return err->code;
}

static int read_audio(const char *bytes, size_t len, struct spoken *s, struct lp_error *err)
{
    struct wav wav;
    int r = wav_read(bytes, len, &wav, err);

    if (r < 0)
        return len > WAV_BYTES ? refuse(err, 413) : r;
    s->audio = bytes;
    s->audio_len = len;
    return 0;
}

static int read_text(const char *text, size_t len, struct spoken *s, struct lp_error *err)
{
    struct reference words;

    if (len > REFERENCE_BYTES)
        return lp_error_set(err, LP_E_INVALID, "text has %zu bytes, %d at most", len,
                            REFERENCE_BYTES);
    free(s->text);
    s->text = lp_strndup(text, len);
    if (strlen(s->text) < len)
        return lp_error_set(err, LP_E_INVALID, "text must be without NUL: byte %zu is one",
                            strlen(s->text));
    return reference_read(s->text, &words, err);
}

static int read_l1(const char *tag, size_t len, struct spoken *s, struct lp_error *err)
{
    bool fits = len >= 2 && len < JOBS_L1;

    for (size_t i = 0; fits && i < len; i++)
        fits = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", tag[i]) &&
               tag[i];
    if (!fits)
        return lp_error_set(err, LP_E_INVALID,
                            "l1 must be a language tag of 2 to %d letters, digits and -, as id or "
                            "zh-TW; it has %zu bytes",
                            JOBS_L1 - 1, len);
    free(s->l1);
    s->l1 = lp_strndup(tag, len);
    return 0;
}

static int read_level(const char *level, size_t len, struct spoken *s, struct lp_error *err)
{
    lp_auto_free char *text = lp_strndup(level, len < 40 ? len : 40);

    if (memchr(level, '\0', len))
        return lp_error_set(err, LP_E_INVALID, "level must be without NUL: byte %zu is one",
                            strlen(text));
    return level_read(text, &s->level, err);
}

static int read_user(const char *user, size_t len, struct spoken *s, struct lp_error *err)
{
    if (len < 1 || len > USER || memchr(user, '\0', len))
        return lp_error_set(err, LP_E_INVALID,
                            "userId must have 1 to %d bytes, none of them NUL; it has %zu", USER,
                            len);
    json_decref(s->user);
    s->user = lp_json_textn(user, len);
    return 0;
}

static const struct {
    const char *name;
    int (*read)(const char *bytes, size_t len, struct spoken *s, struct lp_error *err);
} fields[] = {
    { "audio", read_audio }, { "text", read_text },   { "l1", read_l1 },
    { "level", read_level }, { "userId", read_user },
};

/* What is no field of ours is passed over. */
static int read_field(const char *name, const char *bytes, size_t len, struct spoken *s,
                      struct lp_error *err)
{
    for (size_t i = 0; i < LP_COUNT(fields); i++)
        if (strcmp(fields[i].name, name) == 0)
            return fields[i].read(bytes, len, s, err);
    return 0;
}

/* Of a body that has been read: what must be there. */
static int check(const struct spoken *s, struct lp_error *err)
{
    if (!s->audio)
        return lp_error_set(err, LP_E_INVALID, "audio is required: a WAV file of at most 30 s");
    if (!s->text)
        return lp_error_set(err, LP_E_INVALID, "text is required: what was read aloud");
    return 0;
}

int spoken_read_form(const char *content_type, const char *body, size_t len, struct spoken *s,
                     struct lp_error *err)
{
    struct lp_multipart form;
    struct lp_multipart_part part;
    int r = lp_multipart_begin(&form, content_type, body, len, err);

    for (unsigned n = 0; r == 0; n++) {
        r = lp_multipart_next(&form, &part, err);
        if (r == LP_E_NOT_FOUND)
            return check(s, err);
        if (r == 0 && n == PARTS)
            return lp_error_set(err, LP_E_INVALID, "the form has over %d parts", PARTS);
        if (r == 0)
            r = read_field(part.name, part.bytes, part.len, s, err);
    }
    return r;
}

static int read_query(const struct lp_service_request *r, struct spoken *s, struct lp_error *err)
{
    size_t len = 0;
    const char *body = lp_http_body(r->x, &len);
    int n = read_audio(body, len, s, err);

    for (size_t i = 1; n == 0 && i < LP_COUNT(fields); i++) {
        const char *value = lp_http_query(r->x, fields[i].name);
        if (value)
            n = fields[i].read(value, strlen(value), s, err);
    }
    return n == 0 ? check(s, err) : n;
}

static bool is_type(const char *content_type, const char *const *types)
{
    size_t len = content_type ? strcspn(content_type, "; \t") : 0;

    for (; *types; types++)
        if (strlen(*types) == len && strncasecmp(*types, content_type, len) == 0)
            return true;
    return false;
}

int spoken_read(const struct lp_service_request *r, struct spoken *ret_spoken, struct lp_error *err)
{
    static const char *const forms[] = { "multipart/form-data", NULL };
    static const char *const waves[] = { "audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave",
                                         NULL };
    const char *type = lp_http_header(r->x, "Content-Type");
    size_t len = 0;
    const char *body = lp_http_body(r->x, &len);
    int n;

    if (is_type(type, forms)) {
        n = spoken_read_form(type, body, len, ret_spoken, err);
    } else if (is_type(type, waves)) {
        n = read_query(r, ret_spoken, err);
    } else {
        lp_error_set(err, LP_E_INVALID, "Content-Type must be multipart/form-data or audio/wav");
        return refuse(err, 415);
    }
    return n < 0 && !err->http_status ? refuse(err, 400) : n;
}
