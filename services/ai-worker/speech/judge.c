/* services/ai-worker/speech/judge.c -- see judge.h. No state. */
#include "services/ai-worker/speech/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Of a phone, the mean of its frames, natural logarithm beside the best of all sounds: what counts
 * as perfect and as another sound altogether. Native-like readings have -1 in the middle. */
#define PHONE_BEST (-2.0)
#define PHONE_WORST (-10.0)
#define WORD_NOT_SAID 25.0  /* accuracy below which a word was something else */
#define INSERTION_SURE 50.0 /* and from which a filler or repeat is one */
#define REST_SURE 50.0      /* of the sounds beside one that was another: it is that word */
#define PAUSE_MS 300
#define LONG_PAUSE_MS 700
#define NOISE_MS 240 /* speech beside the text that is told */
#define MATCH_PERCENT 25.0

void verdict_done(struct verdict *verdict)
{
    for (size_t i = 0; i < verdict->n_words; i++)
        free(verdict->words[i].phones);
    free(verdict->words);
    free(verdict->pauses);
    *verdict = (struct verdict){ 0 };
}

static double within(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

static double accuracy_of(double score)
{
    return 100 * within((score - PHONE_WORST) / (PHONE_BEST - PHONE_WORST), 0, 1);
}

/* ---- one word ---- */

static void add_phones(const struct heard *heard, const struct heard_part *part,
                       struct judged_word *word)
{
    double sum = 0;
    int frames = 0;

    word->start_ms = part->start * RECOGNISER_FRAME_MS;
    word->ms = part->frames * RECOGNISER_FRAME_MS;
    word->phones = lp_calloc(part->n_phones + 1, sizeof *word->phones);
    for (size_t i = 0; i < part->n_phones; i++) {
        const struct heard_phone *p = &heard->aligned[part->phone + i];
        word->phones[word->n_phones++] =
            (struct judged_phone){ p->name, p->start * RECOGNISER_FRAME_MS,
                                   p->frames * RECOGNISER_FRAME_MS, accuracy_of(p->score) };
        sum += accuracy_of(p->score) * p->frames;
        frames += p->frames;
    }
    word->accuracy = frames > 0 ? sum / frames : 0;
}

/* The free phones say `name` for most of the time of `p`. */
static bool agrees(const struct heard *heard, const struct heard_phone *p, const char *name)
{
    int same = 0;

    for (size_t i = 0; i < heard->n_free; i++) {
        const struct heard_phone *f = &heard->free[i];
        int from = f->start > p->start ? f->start : p->start;
        int a = f->start + f->frames, b = p->start + p->frames, to = a < b ? a : b;
        if (to > from && strcmp(f->name, name) == 0)
            same += to - from;
    }
    return 2 * same > p->frames;
}

/* The `at`th phone of `way`, as a name that lives as long as the phones of the recogniser or the
 * table of what is confused. */
static const char *expected_phone(const struct evidence *e, const struct way *way)
{
    const char *at = e->entries[way->word].ways[0];

    for (unsigned i = 0; i < way->phone; i++)
        at += strcspn(at, " ") + 1;
    return ways_expected(at);
}

/* Accuracy of a word's phones but one. */
static double rest_of(const struct judged_word *word, unsigned but)
{
    double sum = 0;
    int ms = 0;

    for (size_t i = 0; i < word->n_phones; i++)
        if (i != but) {
            sum += word->phones[i].accuracy * word->phones[i].ms;
            ms += word->phones[i].ms;
        }
    return ms > 0 ? sum / ms : 100;
}

static void judge_other(const struct evidence *e, const struct heard_part *part,
                        const struct way *way, struct judged_word *word)
{
    if (way->phone >= part->n_phones)
        return;
    const struct heard_phone *p = &e->heard->aligned[part->phone + way->phone];
    struct judged_phone *judged = &word->phones[way->phone];

    judged->name = expected_phone(e, way);
    if (!agrees(e->heard, p, way->said) || rest_of(word, way->phone) < REST_SURE)
        return; /* one of two opinions is none: the sound is taken as it should be */
    word->accuracy -= judged->accuracy * judged->ms / word->ms;
    judged->accuracy = 0;
    word->error = JUDGED_MISPRONUNCIATION;
    word->expected = judged->name;
    word->said = way->said;
    word->margin = p->score * p->frames +
                   (ways_is_usual(e->first_language, word->expected, word->said) ? 1000 : 0);
}

static struct judged_word *new_word(struct verdict *v, const char *text, unsigned sentence)
{
    v->words = lp_realloc(v->words, (v->n_words + 1) * sizeof *v->words);
    v->words[v->n_words] =
        (struct judged_word){ .text = text, .sentence = sentence, .known = true };
    return &v->words[v->n_words++];
}

/* ---- the whole ---- */

/* Words of the reference up to `to`, which were not said. */
static void pass_over(const struct evidence *e, struct verdict *v, unsigned *at, unsigned to)
{
    for (; *at < to; ++*at) {
        const struct reference_word *r = &e->reference->words[*at];
        struct judged_word *word = new_word(v, r->text, r->sentence);
        word->known = e->entries[*at].n > 0;
        word->error = word->known ? JUDGED_OMISSION : JUDGED_NONE;
    }
}

static struct judged_word *add_insertion(struct verdict *v, const char *text)
{
    unsigned sentence = v->n_words > 0 ? v->words[v->n_words - 1].sentence : 0;
    struct judged_word *word = new_word(v, text, sentence);

    word->error = JUDGED_INSERTION;
    return word;
}

static void add_said(const struct evidence *e, struct verdict *v, const struct heard_part *part,
                     const struct way *way)
{
    const struct reference_word *r = &e->reference->words[way->word];
    struct judged_word *word = new_word(v, r->text, r->sentence);

    add_phones(e->heard, part, word);
    if (way->kind == WAY_OTHER)
        judge_other(e, part, way, word);
    if (word->accuracy >= WORD_NOT_SAID || word->error == JUDGED_MISPRONUNCIATION)
        return;
    word->error = JUDGED_OMISSION; /* what is there is something else */
    word->accuracy = 0;
    word->n_phones = 0;
    word->start_ms = word->ms = 0;
}

/* Sounds that are no word of the text, up to the next word. */
struct noise {
    int start_ms, end_ms;
};

/* The dictionary does not have the word there, or that before. */
static bool is_unknown_at(const struct evidence *e, unsigned at)
{
    return (at < e->reference->n && e->entries[at].n == 0) || (at > 0 && e->entries[at - 1].n == 0);
}

/* Such sounds are the word where the dictionary does not have it, else they are told as something
 * that was put in. */
static void end_noise(const struct evidence *e, struct verdict *v, struct noise *noise, unsigned at)
{
    int ms = noise->end_ms - noise->start_ms;

    if (ms > 0 && !is_unknown_at(e, at) &&
        audio_speech_ms(e->audio, noise->start_ms, ms) >= NOISE_MS) {
        struct judged_word *word = add_insertion(v, NULL);
        word->start_ms = noise->start_ms;
        word->ms = ms;
    }
    *noise = (struct noise){ 0 };
}

static void add_noise(struct noise *noise, const struct heard_part *part)
{
    int start_ms = part->start * RECOGNISER_FRAME_MS;

    if (noise->end_ms == 0)
        noise->start_ms = start_ms;
    noise->end_ms = start_ms + part->frames * RECOGNISER_FRAME_MS;
}

/* A filler or a word that was said again; what does not sound like it is noise. */
static void add_beside(const struct evidence *e, struct verdict *v, struct noise *noise,
                       const struct heard_part *part, const struct way *way, unsigned at)
{
    struct judged_word word = { 0 };

    add_phones(e->heard, part, &word);
    if (word.accuracy < INSERTION_SURE || is_unknown_at(e, at)) {
        add_noise(noise, part);
        free(word.phones);
        return;
    }
    end_noise(e, v, noise, at);
    bool again = way->kind == WAY_AGAIN;
    struct judged_word *added =
        add_insertion(v, again ? e->reference->words[way->word].text : way->said);
    word.text = added->text;
    word.sentence = added->sentence;
    word.known = true;
    word.error = JUDGED_INSERTION;
    *added = word;
}

static void read_words(const struct evidence *e, struct verdict *v)
{
    struct noise noise = { 0 };
    unsigned at = 0;

    for (size_t i = 0; i < e->heard->n_parts; i++) {
        const struct heard_part *part = &e->heard->parts[i];
        const struct way *way = part->arc >= 0 ? &e->ways->ways[part->arc] : NULL;
        if (part->arc == HEARD_SILENCE)
            continue;
        if (!way || way->kind == WAY_NOISE) {
            add_noise(&noise, part);
        } else if (way->kind == WAY_FILLER || way->kind == WAY_AGAIN) {
            add_beside(e, v, &noise, part, way, at);
        } else {
            end_noise(e, v, &noise, at);
            pass_over(e, v, &at, way->word);
            add_said(e, v, part, way);
            at++;
        }
    }
    end_noise(e, v, &noise, at);
    pass_over(e, v, &at, (unsigned)e->reference->n);
}

static bool is_said(const struct judged_word *word)
{
    return word->known && word->error != JUDGED_OMISSION && word->error != JUDGED_INSERTION;
}

static void find_pauses(struct verdict *v)
{
    int end_ms = -1;

    for (size_t i = 0; i < v->n_words; i++) {
        const struct judged_word *word = &v->words[i];
        if (word->ms == 0)
            continue;
        if (end_ms >= 0 && word->start_ms - end_ms >= PAUSE_MS) {
            v->pauses = lp_realloc(v->pauses, (v->n_pauses + 1) * sizeof *v->pauses);
            v->pauses[v->n_pauses++] = (struct judged_pause){ end_ms, word->start_ms - end_ms };
        }
        end_ms = word->start_ms + word->ms;
    }
}

/* The clearest of each sentence. */
static void choose_hints(struct verdict *v)
{
    for (size_t i = 0; i < v->n_words; i++) {
        size_t clearer = 0;
        for (size_t k = 0; k < v->n_words; k++)
            clearer += v->words[k].error == JUDGED_MISPRONUNCIATION &&
                       v->words[k].sentence == v->words[i].sentence &&
                       (v->words[k].margin > v->words[i].margin ||
                        (k < i && v->words[k].margin >= v->words[i].margin));
        v->words[i].hinted = v->words[i].error == JUDGED_MISPRONUNCIATION && clearer < JUDGE_HINTS;
    }
}

/* 100 less what interrupts: long pauses, fillers and repeats, and a pace below 100 words a minute.
 */
static double fluency_of(const struct verdict *v, size_t said, size_t inserted)
{
    size_t longer = 0;

    for (size_t i = 0; i < v->n_pauses; i++)
        longer += v->pauses[i].ms >= LONG_PAUSE_MS;
    double interruptions = (double)(longer + inserted) / (double)said;
    double slowness = said > 2 && v->pace < 100 ? (100 - v->pace) / 100 : 0;
    return within(100 - 150 * interruptions - 60 * slowness, 0, 100);
}

static void score(struct verdict *v)
{
    size_t said = 0, known = 0, inserted = 0;
    double accuracy = 0;
    int first_ms = -1, last_ms = 0;

    for (size_t i = 0; i < v->n_words; i++) {
        const struct judged_word *word = &v->words[i];
        inserted += word->error == JUDGED_INSERTION;
        known += word->known && word->error != JUDGED_INSERTION;
        if (!is_said(word))
            continue;
        said++;
        accuracy += word->accuracy;
        first_ms = first_ms < 0 ? word->start_ms : first_ms;
        last_ms = word->start_ms + word->ms;
    }
    v->completeness = known > 0 ? 100 * (double)said / (double)known : 0;
    v->matched = said > 0 && v->completeness >= MATCH_PERCENT;
    if (!v->matched)
        return;
    v->accuracy = accuracy / (double)said;
    v->pace = 60000 * (double)said / (last_ms - first_ms);
    v->fluency = fluency_of(v, said, inserted);
    v->score = (0.75 * v->accuracy + 0.25 * v->fluency) * v->completeness / 100;
}

void judge(const struct evidence *evidence, struct verdict *ret_verdict)
{
    struct verdict v = { .ms = audio_ms(evidence->audio) };

    v.speech_ms = audio_speech_ms(evidence->audio, 0, v.ms);
    read_words(evidence, &v);
    find_pauses(&v);
    score(&v);
    if (v.matched) /* nobody learns from sounds that were of other words */
        choose_hints(&v);
    *ret_verdict = v;
}
