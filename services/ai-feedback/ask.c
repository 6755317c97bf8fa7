/* services/ai-feedback/ask.c -- decodes requests of /speech2text. No state. */
#include "services/ai-feedback/ask.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "json/json.h"
#include "json/number.h"

void ask_done(struct ask *a)
{
    json_decref(a->body);
    json_decref(a->user);
    free(a->transcript);
    *a = (struct ask){ 0 };
}

/* `user` and `level` are borrowed; NULL where absent. */
static int read_options(json_t *user, const json_t *level, struct ask *a, struct lp_error *err)
{
    if (user && !json_is_null(user)) {
        if (!json_is_string(user) && !json_is_number(user))
            return lp_error_set(err, LP_E_INVALID, "userId must be a string or a number");
        if (json_is_string(user) &&
            (json_string_length(user) < 1 || json_string_length(user) > 128))
            return lp_error_set(err, LP_E_INVALID, "userId must have 1 to 128 bytes, has %zu",
                                json_string_length(user));
        a->user = json_incref(user);
    }
    if (!level || json_is_null(level))
        return 0;
    if (!json_is_string(level))
        return lp_error_set(err, LP_E_INVALID, "level must be a string: A1, A2, B1, B2, C1 or C2");
    return level_read(json_string_value(level), &a->level, err);
}

static int read_json(const struct lp_service_request *r, struct ask *a, struct lp_error *err)
{
    int n = lp_service_read_json(r, &a->body, err);

    if (n < 0)
        return n;
    const json_t *text = json_object_get(a->body, "text");
    if (!json_is_string(text) || json_string_length(text) == 0)
        return lp_error_set(err, LP_E_INVALID, "text is required and must be a string");
    a->text = json_string_value(text);
    return read_options(json_object_get(a->body, "userId"), json_object_get(a->body, "level"), a,
                        err);
}

static int read_audio(const struct lp_service_request *r, const struct transcriber *transcriber,
                      struct ask *a, struct lp_error *err)
{
    json_auto_t *user = lp_json_text(lp_http_query(r->x, "userId"));
    json_auto_t *level = lp_json_text(lp_http_query(r->x, "level"));
    size_t len = 0;

    if (!transcriber->engine) {
        lp_error_set(err, LP_E_INVALID,
                     "audio cannot be read here: ASR_URL, which names an engine for it, is empty");
        err->http_status = 415;
        return err->code;
    }
    lp_http_body(r->x, &len);
    if (len == 0)
        return lp_error_set(err, LP_E_INVALID, "audio is required: the body has 0 bytes");
    return read_options(user, level, a, err);
}

int ask_check_owner(const struct lp_identity *identity, const json_t *user, struct lp_error *err)
{
    char number[LP_NUMBER_TEXT] = "";
    const char *id = json_string_value(user);

    if (json_is_number(user)) {
        lp_json_number_text(user, number);
        id = number;
    }
    if (!id || lp_identity_may(identity, id))
        return 0;
    lp_error_set(err, LP_E_DENIED, "userId must be your own");
    err->http_status = 403;
    return err->code;
}

int ask_read(const struct lp_service_request *r, const struct transcriber *transcriber,
             struct ask *ret_ask, struct lp_error *err)
{
    if (transcribe_takes(lp_http_header(r->x, "Content-Type")))
        return read_audio(r, transcriber, ret_ask, err);
    return read_json(r, ret_ask, err);
}

int ask_transcribe(const struct lp_service_request *r, const struct transcriber *transcriber,
                   struct ask *a, struct lp_error *err)
{
    size_t len = 0;

    if (a->text)
        return 0;
    const char *audio = lp_http_body(r->x, &len);
    const char *type = lp_http_header(r->x, "Content-Type");
    enum engine_outcome outcome =
        transcribe(transcriber, type, audio, len, r->deadline_ms, &a->transcript);
    if (outcome == ENGINE_ANSWERED) {
        a->text = a->transcript;
        return 0;
    }
    lp_error_set(err, LP_E_UNAVAILABLE, "the engine for audio gave no text: %s",
                 engine_outcome_name(outcome));
    err->http_status = 503;
    return err->code;
}
