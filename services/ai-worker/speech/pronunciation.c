/*
 * services/ai-worker/speech/pronunciation.c -- see pronunciation.h.
 *
 * Threads: the recogniser listens for one at a time (`listening`, under `lock`); who waits for it
 * looks at its limits every now and then.
 */
#include "services/ai-worker/speech/pronunciation.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "json/json.h"
#include "services/ai-feedback/recording/reference.h"
#include "services/ai-feedback/recording/wav.h"
#include "services/ai-worker/speech/audio.h"
#include "services/ai-worker/speech/dictionary.h"
#include "services/ai-worker/speech/judge.h"
#include "services/ai-worker/speech/recogniser.h"
#include "services/ai-worker/speech/sounds.h"
#include "services/ai-worker/speech/ways.h"

#define LOOK_MS 100
#define SPEECH_MS 150 /* less is a cough */

struct pronunciation {
    struct dictionary *dictionary;
    struct recogniser *recogniser; /* of whoever has set `listening` */
    pthread_mutex_t lock;
    pthread_cond_t free;
    bool listening;
};

int pronunciation_new(const char *model, struct pronunciation **ret_pronunciation,
                      struct lp_error *err)
{
    lp_auto_free char *folder = lp_sprintf("%s/en-us", model);
    lp_auto_free char *words = lp_sprintf("%s/cmudict-en-us.dict", model);
    struct dictionary *dictionary = NULL;
    struct recogniser *recogniser = NULL;
    int r = dictionary_new(words, &dictionary, err);

    if (r == 0)
        r = recogniser_new(folder, &recogniser, err);
    if (r < 0) {
        dictionary_free(dictionary);
        return r;
    }
    struct pronunciation *p = lp_alloc(sizeof *p);
    p->dictionary = dictionary;
    p->recogniser = recogniser;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->free, NULL);
    *ret_pronunciation = p;
    return 0;
}

void pronunciation_free(struct pronunciation *p)
{
    if (!p)
        return;
    recogniser_free(p->recogniser);
    dictionary_free(p->dictionary);
    pthread_cond_destroy(&p->free);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* ---- the answer ---- */

static json_t *rounded(double value)
{
    return json_real(round(value * 10) / 10);
}

static json_t *phones_json(const struct judged_word *word)
{
    json_t *list = json_array();

    for (size_t i = 0; i < word->n_phones; i++) {
        const struct judged_phone *p = &word->phones[i];
        json_array_append_new(list, lp_json_make("{s:s, s:i, s:i, s:o}", "phoneme", p->name,
                                                 "offsetMs", p->start_ms, "durationMs", p->ms,
                                                 "accuracyScore", rounded(p->accuracy)));
    }
    return list;
}

static json_t *words_json(const struct verdict *v)
{
    static const char *const errors[] = { "None", "Omission", "Insertion", "Mispronunciation" };
    json_t *list = json_array();

    for (size_t i = 0; i < v->n_words; i++) {
        const struct judged_word *w = &v->words[i];
        bool judged = w->known && w->error != JUDGED_INSERTION;
        json_array_append_new(
            list, lp_json_make("{s:s, s:i, s:i, s:o, s:s, s:o}", "word", w->text ? w->text : "",
                               "offsetMs", w->start_ms, "durationMs", w->ms, "accuracyScore",
                               judged ? rounded(w->accuracy) : json_null(), "errorType",
                               errors[w->error], "phonemes", phones_json(w)));
    }
    return list;
}

static json_t *hints_json(const struct verdict *v)
{
    json_t *list = json_array();

    for (size_t i = 0; i < v->n_words; i++) {
        const struct judged_word *w = &v->words[i];
        if (!w->hinted)
            continue;
        lp_auto_free char *message =
            lp_sprintf("In \"%s\", the sound of %s may have come out as that of %s. Listen to the "
                       "word once more and compare.",
                       w->text, sounds_example(w->expected), sounds_example(w->said));
        json_array_append_new(list, lp_json_make("{s:s, s:s, s:s, s:s, s:i}", "word", w->text,
                                                 "expected", w->expected, "heard", w->said,
                                                 "message", message, "offsetMs", w->start_ms));
    }
    return list;
}

static json_t *pauses_json(const struct verdict *v)
{
    json_t *list = json_array();

    for (size_t i = 0; i < v->n_pauses; i++)
        json_array_append_new(list, lp_json_make("{s:i, s:i}", "offsetMs", v->pauses[i].start_ms,
                                                 "durationMs", v->pauses[i].ms));
    return list;
}

/* Words that the dictionary does not have. */
static json_t *unknown_json(const struct verdict *v)
{
    json_t *list = json_array();

    for (size_t i = 0; i < v->n_words; i++)
        if (!v->words[i].known)
            json_array_append_new(list, json_string(v->words[i].text));
    return list;
}

static json_t *heard_text(const struct verdict *v)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT((size_t)64 << 10);

    for (size_t i = 0; i < v->n_words && v->matched; i++) {
        const struct judged_word *w = &v->words[i];
        if (w->text && w->known && w->error != JUDGED_OMISSION)
            lp_buf_printf(&text, "%s%s", text.len > 0 ? " " : "", w->text);
    }
    return json_string(text.ptr);
}

static json_t *answer(const struct verdict *v)
{
    return lp_json_make(
        "{s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:i}",
        "recognitionStatus", v->matched ? "Success" : "NoMatch", "displayText", heard_text(v),
        "engine", "local", "pronScore", rounded(v->score), "accuracyScore", rounded(v->accuracy),
        "fluencyScore", rounded(v->fluency), "completenessScore", rounded(v->completeness), "words",
        words_json(v), "hints", hints_json(v), "pace", rounded(v->pace), "pauses", pauses_json(v),
        "notInDictionary", unknown_json(v), "durationMs", v->ms, "speechMs", v->speech_ms);
}

/* ---- one recording ---- */

static bool may_listen(struct pronunciation *p)
{
    struct timespec until = lp_clock_deadline(LOOK_MS);

    pthread_mutex_lock(&p->lock);
    if (p->listening)
        pthread_cond_clockwait(&p->free, &p->lock, CLOCK_MONOTONIC, &until);
    bool may = !p->listening;
    p->listening = true;
    pthread_mutex_unlock(&p->lock);
    return may;
}

static void end_listening(struct pronunciation *p)
{
    pthread_mutex_lock(&p->lock);
    p->listening = false;
    pthread_cond_signal(&p->free);
    pthread_mutex_unlock(&p->lock);
}

static int wait_to_listen(struct pronunciation *p, const struct pronunciation_request *request,
                          struct lp_error *err)
{
    while (!may_listen(p)) {
        if (lp_stop_requested(request->stop))
            return lp_error_set(err, LP_E_CANCELED, "stopped before listening");
        if (lp_clock_ms() > request->deadline_ms)
            return lp_error_set(err, LP_E_TIMEOUT, "the deadline came before listening");
    }
    return 0;
}

static int listen(struct pronunciation *p, const struct pronunciation_request *request,
                  const struct audio *audio, const struct ways *ways, struct heard *ret_heard,
                  struct lp_error *err)
{
    const struct recogniser_grammar grammar = { ways->arcs, ways->n, ways->skips, ways->states };
    const struct recogniser_limits limits = { request->stop, request->deadline_ms };
    int r = wait_to_listen(p, request, err);

    if (r < 0)
        return r;
    r = recogniser_listen(p->recogniser, audio->samples, audio->n, &grammar, &limits, ret_heard,
                          err);
    end_listening(p);
    return r;
}

static int assess(struct pronunciation *p, const struct pronunciation_request *request,
                  const struct reference *reference, const struct audio *audio, json_t **ret_result,
                  struct lp_error *err)
{
    lp_auto_free struct dictionary_entry *entries = lp_calloc(reference->n, sizeof *entries);
    auto_ways struct ways ways = { 0 };
    auto_heard struct heard heard = { 0 };
    auto_verdict struct verdict verdict = { 0 };
    int r = 0;

    for (size_t i = 0; i < reference->n; i++)
        entries[i].word = reference->words[i].text;
    dictionary_find(p->dictionary, entries, reference->n);
    ways_of(reference, entries, &ways);
    if (audio_speech_ms(audio, 0, audio_ms(audio)) >= SPEECH_MS)
        r = listen(p, request, audio, &ways, &heard, err);
    if (r < 0)
        return r;
    judge(&(struct evidence){ reference, entries, &ways, &heard, audio, request->first_language },
          &verdict);
    *ret_result = answer(&verdict);
    return 0;
}

int pronunciation_assess(struct pronunciation *p, const struct pronunciation_request *request,
                         json_t **ret_result, struct lp_error *err)
{
    auto_audio struct audio audio = { 0 };
    struct reference reference;
    struct wav wav;
    int r = wav_read(request->wav, request->size, &wav, err);

    if (r == 0)
        r = reference_read(request->text, &reference, err);
    if (r == 0)
        r = audio_read(&wav, &audio, err);
    if (r == 0)
        r = assess(p, request, &reference, &audio, ret_result, err);
    return r;
}
