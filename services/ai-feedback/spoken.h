/* services/ai-feedback/spoken.h -- what a request of /pronunciation brings: a recording, and the
 * text that was read aloud. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "service/request.h"
#include "services/ai-feedback/level.h"
#include "services/ai-feedback/recording/wav.h"

#define SPOKEN_BODY (WAV_BYTES + 16384) /* bytes: a recording, and the rest of a form */

/* Zeroed is empty. */
struct spoken {
    const char *audio; /* of the request's body: a WAV file that wav_read() takes */
    size_t audio_len;
    char *text;       /* owned: one that reference_read() takes */
    char *l1;         /* owned: the reader's first language, a tag of BCP 47; NULL: not said */
    json_t *user;     /* owned: a string of 1 to 128 bytes; NULL: nobody's */
    enum level level; /* LEVEL_NONE: not said */
};
void spoken_done(struct spoken *s);
#define auto_spoken __attribute__((cleanup(spoken_done)))

/*
 * A form (multipart/form-data) with the parts audio, text, l1, level and userId, or a body of
 * audio/wav with these in the query. LP_E_INVALID names field, value and limit; err->http_status is
 * 400, 413 for a recording over WAV_BYTES, 415 for a body of another type.
 */
LP_MUST_USE int spoken_read(const struct lp_service_request *r, struct spoken *ret_spoken,
                            struct lp_error *err);

/* The same of a form, whose bytes *ret_spoken borrows; err->http_status is 0 or 413. Pure. */
LP_MUST_USE int spoken_read_form(const char *content_type, const char *body, size_t len,
                                 struct spoken *ret_spoken, struct lp_error *err);
