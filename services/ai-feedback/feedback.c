/* services/ai-feedback/feedback.c -- runs the rules over each sentence and writes what they
 * changed, within the limits of a request. No state. */
#include "services/ai-feedback/feedback.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "json/json.h"
#include "services/ai-feedback/answer.h"
#include "services/ai-feedback/engines/grammar.h"
#include "services/ai-feedback/rules/pattern.h"
#include "services/ai-feedback/rules/rules.h"
#include "services/ai-feedback/scores.h"
#include "services/ai-feedback/tagging/tagger.h"
#include "services/ai-feedback/text/cut.h"
#include "services/ai-feedback/text/distance.h"

/* One request under work. */
struct run {
    const struct spelling *speller;
    const struct feedback_request *request;
    struct lp_buf *out;
    struct budget budget;
    size_t sentences, corrected, edits, distance, characters;
    struct scores scores;
    size_t written;                 /* bytes of the answer */
    bool unmarked;                  /* the text has hardly a mark that ends a sentence */
    bool handed_on;                 /* the client has a part of it */
    struct grammar_matches matches; /* of the other engine, about a window of the text */
    const char *window_end;
    size_t answered;              /* windows of which it said something */
    enum engine_outcome fallback; /* why it was not asked further */
    const char *stopped;          /* which limit ended the work; NULL: none */
    json_int_t limit;
};

static void apply_rules(struct sentence *s, struct run *run)
{
    const struct spelling *speller = run->speller;

    rule_keep(s);
    rule_fillers(s, speller, run->unmarked);
    rule_contractions(s);
    rule_names(s);
    rule_spelt_phrases(s);
    rule_regularised(s);
    rule_spelling(s, speller, &run->budget);
    rule_repetitions(s);
    rule_clauses(s);
    rule_patterns(s);
    rule_choices(s, speller);
    rule_determiners(s, speller);
    rule_mends(s, speller);
    rule_articles(s);
    grammar_apply(s, speller, &run->matches);
    rule_capitals(s);
    rule_marks(s);
}

static void write_json(struct run *run, const json_t *o)
{
    size_t before = run->out->len;
    lp_json_write_unsorted(o, run->out);
    run->written += run->out->len - before;
}

/* True for a transcript: fewer than one . ! or ? in 30 words. Counts no more than the first part of
 * a long text. */
static bool is_unmarked(const char *text)
{
    size_t words = 1, marks = 0;

    for (size_t i = 0; i < FEEDBACK_PIECE && text[i]; i++) {
        words += text[i] == ' ' || text[i] == '\n';
        marks += text[i] == '.' || text[i] == '!' || text[i] == '?';
    }
    return marks * 30 < words;
}

/* Ends in bytes of the sentences in a piece of text without a mark that ends one; the last is
 * `len`. Owned by the caller. */
static size_t ends_of(const struct run *run, const char *text, size_t len, size_t **ret_ends)
{
    auto_sentence struct sentence s;
    size_t n = 0;

    sentence_init(&s, text, len);
    size_t *ends = lp_calloc(s.n + 1, sizeof *ends);
    if (s.n > 1 && strcmp(sentence_language(&s, run->speller), "en") == 0)
        n = tagger_boundaries(&s, run->speller, run->unmarked, ends);
    for (size_t i = 0; i < n; i++)
        ends[i] = s.tokens[ends[i]].at;
    ends[n] = len;
    *ret_ends = ends;
    return n + 1;
}

static void check_sentence(struct run *run, const char *text, size_t len)
{
    auto_sentence struct sentence s;

    sentence_init(&s, text, len);
    if (s.n == 0)
        return;
    const char *language = sentence_language(&s, run->speller);
    bool ours = strcmp(language, "en") == 0;
    if (ours)
        apply_rules(&s, run);
    struct answer_pair a =
        answer_pair(&s, FEEDBACK_EDITS - run->edits, level_edits(run->request->level));
    json_auto_t *pair = a.pair;
    if (!ours)
        json_object_set_new(pair, "language", json_string(language));
    lp_buf_str(run->out, run->sentences ? "," : "{\"sentence_pairs\":[");
    write_json(run, pair);
    run->sentences++;
    run->corrected += a.distance > 0;
    run->edits += a.edits;
    run->distance += a.distance;
    if (ours)
        scores_count(&run->scores, &s, run->speller);
    for (size_t c = 0; c < CATEGORIES; c++)
        run->scores.by_category[c] += a.by_category[c];
    run->characters += a.characters;
}

static int stop_at(struct run *run, const char *which, json_int_t limit)
{
    run->stopped = which;
    run->limit = limit;
    return 0;
}

/* Looks whether the next sentence may still be read, and hands on what is ready. */
static int may_go_on(struct run *run, struct lp_error *err)
{
    const struct feedback_request *q = run->request;

    if (lp_stop_requested(q->stop))
        return lp_error_set(err, LP_E_CANCELED, "the program is to end");
    if (lp_clock_ms() > q->deadline_ms)
        return run->handed_on ? stop_at(run, "deadline", q->deadline_ms)
                              : lp_error_set(err, LP_E_TIMEOUT,
                                             "checking took longer than the request may wait");
    if (run->sentences >= FEEDBACK_SENTENCES)
        return stop_at(run, "sentences", FEEDBACK_SENTENCES);
    if (run->edits >= FEEDBACK_EDITS)
        return stop_at(run, "edits", FEEDBACK_EDITS);
    if (run->written >= FEEDBACK_ANSWER)
        return stop_at(run, "bytes of the answer", FEEDBACK_ANSWER);
    if (!q->hand_on || run->out->len < FEEDBACK_PIECE)
        return 0;
    run->handed_on = true;
    return q->hand_on(run->out, q->user, err);
}

static int score_of(const struct run *run)
{
    size_t wrong = run->distance < run->characters ? run->distance : run->characters;
    return run->characters ? (int)(100 - 100 * wrong / run->characters) : 0;
}

/* `read`: characters of the text that were looked at. */
static json_t *limits_of(const struct run *run, size_t read)
{
    json_t *limits = json_object();

    if (run->budget.suggestions == 0)
        json_object_set_new(limits, "unknown words looked up", json_integer(FEEDBACK_SUGGESTIONS));
    if (run->stopped && strcmp(run->stopped, "deadline") == 0)
        json_object_set_new(limits, run->stopped, json_true());
    else if (run->stopped)
        json_object_set_new(limits, run->stopped, json_integer(run->limit));
    if (json_object_size(limits) > 0)
        json_object_set_new(limits, "characters read", json_integer((json_int_t)read));
    return limits;
}

static void write_member(struct run *run, const char *name, const json_t *value)
{
    lp_buf_printf(run->out, ",\"%s\":", name);
    write_json(run, value);
}

static void write_scores(struct run *run)
{
    json_auto_t *scores = scores_json(&run->scores);
    json_auto_t *advice = scores_advice(&run->scores, run->request->level);

    if (!scores)
        return;
    write_member(run, "scores", scores);
    if (json_array_size(advice) > 0)
        write_member(run, "advice", advice);
}

/* What was asked for is said again: the level, and what was heard. */
static void write_asked(struct run *run)
{
    const struct feedback_request *q = run->request;
    json_auto_t *level = q->level != LEVEL_NONE ? json_string(level_name(q->level)) : NULL;
    json_auto_t *heard =
        q->heard_by ? lp_json_make("{s:s, s:s}", "text", q->text, "engine", q->heard_by) : NULL;

    if (level)
        write_member(run, "level", level);
    if (heard)
        write_member(run, "transcription", heard);
}

/* Who answered; and where another engine was to, but did not or not to the end, why. */
static void write_engine(struct run *run)
{
    lp_buf_str(run->out, ",\"engine\":\"local");
    lp_buf_str(run->out, run->answered > 0 ? "+languagetool\"" : "\"");
    if (run->fallback != ENGINE_ANSWERED)
        lp_buf_printf(run->out, ",\"fallback\":{\"languagetool\":\"%s\"}",
                      engine_outcome_name(run->fallback));
}

static void write_end(struct run *run, size_t read)
{
    double average = (double)run->distance / (double)run->sentences;
    json_auto_t *stats =
        lp_json_make("{s:f, s:I, s:I}", "average distance", average, "corrected sentences",
                     (json_int_t)run->corrected, "total sentences", (json_int_t)run->sentences);
    json_auto_t *limits = limits_of(run, read);

    lp_buf_char(run->out, ']');
    write_member(run, "stats", stats);
    write_engine(run);
    write_asked(run);
    write_scores(run);
    if (json_object_size(limits) > 0)
        write_member(run, "limits", limits);
    lp_buf_char(run->out, '}');
}

/* Asks the other engine, if there is one that answers, about the sentences that come next. */
static void ask_engine(struct run *run, const char *text, size_t len)
{
    const struct feedback_request *q = run->request;
    size_t window = 0;

    if (!q->grammar || run->fallback != ENGINE_ANSWERED || text < run->window_end)
        return;
    while (window < len) {
        size_t n = sentence_cut(text + window, len - window, FEEDBACK_SENTENCE_BYTES);
        if (window > 0 && window + n > GRAMMAR_WINDOW)
            break;
        window += n;
    }
    grammar_matches_done(&run->matches);
    run->window_end = text + window;
    run->fallback =
        grammar_check(q->grammar, q->dialect, text, window, q->deadline_ms, &run->matches);
    run->answered += run->fallback == ENGINE_ANSWERED;
}

/* The sentences of `len` bytes, which hold no mark that ends one but at their end; *ret_read: how
 * much of them was looked at. */
static int check_part(struct run *run, const char *text, size_t len, size_t *ret_read,
                      struct lp_error *err)
{
    lp_auto_free size_t *ends = NULL;
    size_t n = ends_of(run, text, len, &ends), at = 0;

    for (size_t i = 0; i < n; i++) {
        int r = may_go_on(run, err);
        if (r < 0)
            return r;
        if (run->stopped)
            break;
        check_sentence(run, text + at, ends[i] - at);
        at = ends[i];
    }
    *ret_read = at;
    return 0;
}

static int check_text(struct run *run, const char *text, struct lp_error *err)
{
    const char *at = text;

    run->unmarked = is_unmarked(text);
    for (size_t left = strlen(text); left > 0;) {
        size_t read = 0;
        ask_engine(run, at, left);
        int r = check_part(run, at, sentence_cut(at, left, FEEDBACK_SENTENCE_BYTES), &read, err);
        if (r < 0)
            return r;
        at += read;
        left -= read;
        if (run->stopped)
            break;
    }
    if (run->sentences == 0)
        return lp_error_set(err, LP_E_INVALID, "text holds no word");
    write_end(run, distance_length(text, (size_t)(at - text)));
    return 0;
}

int feedback_check(const struct spelling *speller, const struct feedback_request *request,
                   struct lp_buf *out, int *ret_score, struct lp_error *err)
{
    lp_auto_free char *text = lp_strdup(request->text);
    struct run run = { .speller = speller,
                       .request = request,
                       .out = out,
                       .budget = { FEEDBACK_SUGGESTIONS, request->deadline_ms } };

    lp_utf8_repair(text);
    int r = check_text(&run, text, err);
    if (r == 0)
        *ret_score = score_of(&run);
    for (size_t c = 0; r == 0 && request->by_category && c < CATEGORIES; c++)
        request->by_category[c] += run.scores.by_category[c];
    grammar_matches_done(&run.matches);
    return r;
}

json_t *feedback_counts(const size_t by_category[CATEGORIES])
{
    json_t *counts = json_object();

    for (enum category c = CATEGORY_NONE + 1; c < CATEGORIES; c++)
        if (by_category[c] > 0)
            json_object_set_new(counts, category_name(c), json_integer((json_int_t)by_category[c]));
    return counts;
}
