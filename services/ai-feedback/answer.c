/* services/ai-feedback/answer.c -- tells what changed between the tokens of a sentence. No state.
 * Texts of learners may be cut anywhere by a rule that is wrong: what is no UTF-8 is repaired here,
 * where it goes into JSON. */
#include "services/ai-feedback/answer.h"

#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "services/ai-feedback/text/distance.h"

struct edits {
    json_t *list; /* borrowed */
    size_t n, max;
    size_t *by_category; /* borrowed */
    double *matter;      /* borrowed; of each in the list, how much it matters */
};

/* What keeps a reader from understanding comes first, what is only untidy last; the surer one of
 * two alike. */
static double how_much(const struct reason *r)
{
    static const int weights[CATEGORIES] = {
        [CATEGORY_VERB_FORM] = 9,   [CATEGORY_TENSE] = 9,     [CATEGORY_SPELLING] = 8,
        [CATEGORY_WORD_CHOICE] = 8, [CATEGORY_AGREEMENT] = 7, [CATEGORY_GRAMMAR] = 7,
        [CATEGORY_PREPOSITION] = 6, [CATEGORY_ARTICLE] = 6,   [CATEGORY_COUNTABILITY] = 6,
        [CATEGORY_REPETITION] = 3,  [CATEGORY_FILLER] = 3,    [CATEGORY_CAPITALS] = 2,
        [CATEGORY_PUNCTUATION] = 1,
    };
    return weights[r->category] + r->confidence;
}

static size_t least_of(const struct edits *e, size_t n)
{
    size_t least = 0;

    for (size_t i = 1; i < n; i++)
        if (e->matter[i] <= e->matter[least])
            least = i;
    return least;
}

/* Takes out what matters least until `told` are left; how many went. */
static size_t leave_untold(struct edits *e, size_t told)
{
    size_t n = json_array_size(e->list), before = n;

    while (n > told) {
        size_t least = least_of(e, n);
        json_array_remove(e->list, least);
        n--;
        memmove(e->matter + least, e->matter + least + 1, (n - least) * sizeof *e->matter);
    }
    return before - n;
}

static json_t *text_of(const char *bytes, size_t len)
{
    lp_auto_free char *copy = lp_strndup(bytes, len);
    return lp_json_text(copy);
}

static void add_edit(struct edits *e, const struct sentence *s, size_t from, size_t to,
                     const char *replacement, const struct reason *r)
{
    size_t base = s->tokens[0].at; /* where the pair's original begins */
    size_t start = distance_length(s->text + base, from - base);
    size_t end = start + distance_length(s->text + from, to - from);

    e->by_category[r->category]++;
    if (e->n++ >= e->max)
        return;
    e->matter[json_array_size(e->list)] = how_much(r);
    json_array_append_new(
        e->list,
        lp_json_make("{s:I, s:I, s:o, s:o, s:s, s:s, s:o, s:f}", "start", (json_int_t)start, "end",
                     (json_int_t)end, "original", text_of(s->text + from, to - from), "replacement",
                     lp_json_text(replacement), "category", category_name(r->category), "rule",
                     r->rule, "message", lp_json_text(r->message), "confidence", r->confidence));
}

/* Why the text between two kept tokens changed: a token deleted there, else what was said of the
 * space. */
static const struct reason *gap_reason(const struct sentence *s, size_t from, size_t to)
{
    static const struct reason extra = { CATEGORY_PUNCTUATION, "extra-space", 0.95,
                                         "One space is enough here.", NULL };
    for (size_t i = from; i < to; i++)
        if (s->tokens[i].reason.category != CATEGORY_NONE)
            return &s->tokens[i].reason;
    bool told = to < s->n && s->tokens[to].space_reason.category != CATEGORY_NONE;
    return told ? &s->tokens[to].space_reason : &extra;
}

/* The edit, if any, that makes what stands between `from` and `to` bytes into `now`, as short as it
 * can be. */
static void add_gap_edit(struct edits *e, const struct sentence *s, size_t from, size_t to,
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
    add_edit(e, s, from, to, now, r);
}

static void add_token_edits(struct edits *e, const struct sentence *s, size_t i)
{
    const struct token *t = &s->tokens[i];

    if (t->now && (strlen(t->now) != t->len || memcmp(t->now, s->text + t->at, t->len) != 0))
        add_edit(e, s, t->at, t->at + t->len, t->now, &t->reason);
    if (t->after[0])
        add_edit(e, s, t->at + t->len, t->at + t->len, t->after, &t->after_reason);
}

/* Edits in the order of their places: per kept token the gap before it, then itself, then the rest.
 */
static void add_edits(struct edits *e, const struct sentence *s)
{
    size_t end = s->tokens[0].at, done = 0;

    for (size_t i = sentence_next(s, (size_t)-1); i < s->n; i = sentence_next(s, i)) {
        const struct token *t = &s->tokens[i];
        bool space = (t->space && !t->glued) || t->spaced;
        const char *now = end > s->tokens[0].at && space ? " " : "";
        add_gap_edit(e, s, end, t->at, now, gap_reason(s, done, i));
        add_token_edits(e, s, i);
        end = t->at + t->len;
        done = i + 1;
    }
    const struct token *last = &s->tokens[s->n - 1];
    add_gap_edit(e, s, end, last->at + last->len, "", gap_reason(s, done, s->n));
}

struct answer_pair answer_pair(const struct sentence *s, size_t max_edits, size_t told)
{
    lp_auto_buf struct lp_buf corrected = LP_BUF_INIT(16 * s->len + 64);
    struct answer_pair a = { 0 };
    lp_auto_free double *matter =
        lp_calloc(3 * s->n + 1, sizeof *matter); /* per token: gap, itself, mark */
    struct edits e = {
        .list = json_array(), .max = max_edits, .by_category = a.by_category, .matter = matter
    };
    size_t from = s->tokens[0].at, to = s->tokens[s->n - 1].at + s->tokens[s->n - 1].len;

    sentence_write(s, &corrected);
    add_edits(&e, s);
    size_t untold = leave_untold(&e, told);
    a.distance = distance_characters(s->text + from, to - from, corrected.ptr, corrected.len);
    a.characters = distance_length(s->text + from, to - from);
    a.edits = e.n;
    a.pair = lp_json_make("{s:o, s:o, s:I, s:o}", "original", text_of(s->text + from, to - from),
                          "corrected", lp_json_text(corrected.ptr), "distance",
                          (json_int_t)a.distance, "edits", e.list);
    if (untold > 0)
        json_object_set_new(a.pair, "untold", json_integer((json_int_t)untold));
    return a;
}
