/* services/ai-feedback/feedback.c -- runs the rules over each sentence and tells what they changed.
 * No state. */
#include "services/ai-feedback/feedback.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "json/json.h"
#include "services/ai-feedback/distance.h"
#include "services/ai-feedback/rules.h"

/* What has been found so far in a text. */
struct findings {
    json_t *pairs; /* owned */
    size_t sentences, corrected;
    size_t distance, characters;
    unsigned suggestions_left;
};

static void apply_rules(struct sentence *s, struct spelling *speller, unsigned *suggestions_left)
{
    rule_fillers(s);
    rule_contractions(s);
    rule_names(s);
    rule_spelling(s, speller, suggestions_left);
    rule_repetitions(s);
    rule_articles(s);
    rule_capitals(s);
    rule_marks(s);
}

static void add_edit(json_t *edits, const struct sentence *s, size_t from, size_t to,
                     const char *replacement, const struct reason *r)
{
    size_t base = s->tokens[0].at; /* where the pair's original begins */
    size_t start = distance_length(s->text + base, from - base);
    size_t end = start + distance_length(s->text + from, to - from);
    json_array_append_new(
        edits, lp_json_make("{s:I, s:I, s:s%, s:s, s:s, s:s, s:s, s:f}", "start", (json_int_t)start,
                            "end", (json_int_t)end, "original", s->text + from, to - from,
                            "replacement", replacement, "category", category_name(r->category),
                            "rule", r->rule, "message", r->message, "confidence", r->confidence));
}

/* Why the text between two kept tokens changed: a token deleted there, else what was said of the
 * space. */
static const struct reason *gap_reason(const struct sentence *s, size_t from, size_t to)
{
    static const struct reason extra = { CATEGORY_PUNCTUATION, "extra-space", 0.95,
                                         "One space is enough here." };
    for (size_t i = from; i < to; i++)
        if (s->tokens[i].reason.category != CATEGORY_NONE)
            return &s->tokens[i].reason;
    bool told = to < s->n && s->tokens[to].space_reason.category != CATEGORY_NONE;
    return told ? &s->tokens[to].space_reason : &extra;
}

/* The edit, if any, that makes what stands between `from` and `to` bytes into `now`, as short as it
 * can be. */
static void add_gap_edit(json_t *edits, const struct sentence *s, size_t from, size_t to,
                         const char *now, const struct reason *r)
{
    size_t len = to - from;

    if (len == strlen(now) && memcmp(s->text + from, now, len) == 0)
        return;
    if (*now && len > 0 && s->text[from] == ' ') {
        from++;
        now++;
    } else if (*now && len > 0 && s->text[to - 1] == ' ') {
        to--;
        now++;
    }
    add_edit(edits, s, from, to, now, r);
}

static void add_token_edits(json_t *edits, const struct sentence *s, size_t i)
{
    const struct token *t = &s->tokens[i];

    if (t->now && (strlen(t->now) != t->len || memcmp(t->now, s->text + t->at, t->len) != 0))
        add_edit(edits, s, t->at, t->at + t->len, t->now, &t->reason);
    if (t->after[0])
        add_edit(edits, s, t->at + t->len, t->at + t->len, t->after, &t->after_reason);
}

/* Edits in the order of their places: per kept token the gap before it, then itself, then the rest.
 */
static json_t *edits_of(const struct sentence *s)
{
    json_t *edits = json_array();
    size_t end = s->tokens[0].at, done = 0;

    for (size_t i = sentence_next(s, (size_t)-1); i < s->n; i = sentence_next(s, i)) {
        const struct token *t = &s->tokens[i];
        bool space = (t->space && !t->glued) || t->spaced;
        const char *now = end > s->tokens[0].at && space ? " " : "";
        add_gap_edit(edits, s, end, t->at, now, gap_reason(s, done, i));
        add_token_edits(edits, s, i);
        end = t->at + t->len;
        done = i + 1;
    }
    const struct token *last = &s->tokens[s->n - 1];
    add_gap_edit(edits, s, end, last->at + last->len, "", gap_reason(s, done, s->n));
    return edits;
}

static void check_sentence(struct spelling *speller, const char *text, size_t len,
                           struct findings *f)
{
    auto_sentence struct sentence s;
    lp_auto_buf struct lp_buf corrected = LP_BUF_INIT(2 * FEEDBACK_SENTENCE_BYTES + 64);

    sentence_init(&s, text, len);
    if (s.n == 0)
        return;
    apply_rules(&s, speller, &f->suggestions_left);
    sentence_write(&s, &corrected);

    size_t from = s.tokens[0].at, to = s.tokens[s.n - 1].at + s.tokens[s.n - 1].len;
    size_t distance = distance_characters(text + from, to - from, corrected.ptr, corrected.len);
    f->sentences++;
    f->corrected += distance > 0;
    f->distance += distance;
    f->characters += distance_length(text + from, to - from);
    json_array_append_new(f->pairs,
                          lp_json_make("{s:s%, s:s%, s:I, s:o}", "original", text + from, to - from,
                                       "corrected", corrected.ptr, corrected.len, "distance",
                                       (json_int_t)distance, "edits", edits_of(&s)));
}

static int score_of(const struct findings *f)
{
    size_t wrong = f->distance < f->characters ? f->distance : f->characters;
    return f->characters ? (int)(100 - 100 * wrong / f->characters) : 0;
}

static json_t *reply_of(struct findings *f)
{
    double average = (double)f->distance / (double)f->sentences;
    json_t *reply =
        lp_json_make("{s:O, s:{s:f, s:I, s:I}, s:s}", "sentence_pairs", f->pairs, "stats",
                     "average distance", average, "corrected sentences", (json_int_t)f->corrected,
                     "total sentences", (json_int_t)f->sentences, "engine", "local");
    if (f->suggestions_left == 0)
        json_object_set_new(reply, "limits",
                            lp_json_make("{s:i}", "unknown words looked up", FEEDBACK_SUGGESTIONS));
    return reply;
}

int feedback_check(struct spelling *speller, const char *text, size_t len, int64_t deadline_ms,
                   json_t **ret_reply, int *ret_score, struct lp_error *err)
{
    json_auto_t *pairs = json_array();
    struct findings f = { .pairs = pairs, .suggestions_left = FEEDBACK_SUGGESTIONS };

    while (len > 0) {
        if (lp_clock_ms() > deadline_ms)
            return lp_error_set(err, LP_E_TIMEOUT,
                                "checking took longer than the request may wait");
        size_t n = sentence_cut(text, len, FEEDBACK_SENTENCE_BYTES);
        check_sentence(speller, text, n, &f);
        text += n;
        len -= n;
    }
    if (f.sentences == 0)
        return lp_error_set(err, LP_E_INVALID, "text holds no word");
    *ret_score = score_of(&f);
    *ret_reply = reply_of(&f);
    return 0;
}
