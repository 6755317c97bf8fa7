/* services/ai-feedback/engines/grammar.c -- asks a LanguageTool server, and reads what it answers.
 */
#include "services/ai-feedback/engines/grammar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "http/url.h"
#include "json/json.h"

#define UNITS 512 /* the longest match that is taken, in UTF-16 code units */

void grammar_matches_done(struct grammar_matches *m)
{
    free(m->list);
    *m = (struct grammar_matches){ 0 };
}

/* Bytes of the first `units` UTF-16 code units of valid UTF-8; false where the text is shorter or
 * they would end within a character. */
static bool bytes_of_units(const char *text, size_t len, int64_t units, size_t *ret_bytes)
{
    size_t at = 0;

    while (units > 0 && at < len) {
        size_t n = lp_utf8_sequence(text + at, len - at);
        if (n == 0)
            return false;
        units -= n == 4 ? 2 : 1;
        at += n;
    }
    *ret_bytes = at;
    return units == 0;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool same_but_space(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (a[i] != b[i] && !(is_space(a[i]) && is_space(b[i])))
            return false;
    return true;
}

/* What the context marks is what stands at the place: who counts otherwise than we do would have
 * another word changed. */
static bool context_agrees(const json_t *match, const char *place, size_t len)
{
    const char *text = lp_json_str(match, "context", "text", NULL);
    int64_t offset = lp_json_int(-1, match, "context", "offset", NULL);
    size_t at, n;

    if (!text || offset < 0 || offset > UNITS)
        return false;
    n = strlen(text);
    return bytes_of_units(text, n, offset, &at) && n - at >= len &&
           same_but_space(text + at, place, len);
}

static bool is_one_of(const char *text, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(text, *list) == 0)
            return true;
    return false;
}

/* The first whose name holds a part of the rule's. */
static enum category category_by_rule(const char *rule)
{
    static const struct {
        const char *part;
        enum category category;
    } parts[] = {
        { "A_VS_AN", CATEGORY_ARTICLE },         { "ARTICLE", CATEGORY_ARTICLE },
        { "A_NNS", CATEGORY_ARTICLE },           { "A_UNCOUNTABLE", CATEGORY_ARTICLE },
        { "DETERMINER", CATEGORY_ARTICLE },      { "UNCOUNTABLE", CATEGORY_COUNTABILITY },
        { "MASS_", CATEGORY_COUNTABILITY },      { "AGR", CATEGORY_AGREEMENT },
        { "THIS_NNS", CATEGORY_AGREEMENT },      { "TENSE", CATEGORY_TENSE },
        { "PREPOSITION", CATEGORY_PREPOSITION }, { "INFINITIVE", CATEGORY_VERB_FORM },
        { "BASE_FORM", CATEGORY_VERB_FORM },     { "PARTICIPLE", CATEGORY_VERB_FORM },
        { "GERUND", CATEGORY_VERB_FORM },        { "VERB", CATEGORY_VERB_FORM },
        { "_VB", CATEGORY_VERB_FORM },           { "REPETITION", CATEGORY_REPETITION },
    };
    for (size_t i = 0; i < LP_COUNT(parts); i++)
        if (strstr(rule, parts[i].part))
            return parts[i].category;
    return CATEGORY_GRAMMAR;
}

/* CATEGORY_NONE for matters of style, layout and region. */
static enum category category_of(const json_t *match, const char *rule)
{
    static const char *const passed[] = { "style",      "register",   "locale-violation",
                                          "whitespace", "formatting", "locale-specific-content",
                                          NULL };
    static const char *const tastes[] = {
        "STYLE",          "REDUNDANCY",        "PLAIN_ENGLISH",    "TYPOGRAPHY",
        "COLLOQUIALISMS", "REGIONALISMS",      "CREATIVE_WRITING", "GENDER_NEUTRALITY",
        "WIKIPEDIA",      "REPETITIONS_STYLE", "ACADEMIC_WRITING", NULL
    };
    static const char *const words[] = { "CONFUSED_WORDS", "COLLOCATIONS", "SEMANTICS",
                                         "NONSTANDARD_PHRASES", NULL };
    const char *issue = lp_json_str(match, "rule", "issueType", NULL);
    const char *id = lp_json_str(match, "rule", "category", "id", NULL);

    if (!id || (issue && is_one_of(issue, passed)) || is_one_of(id, tastes))
        return CATEGORY_NONE;
    if (strcmp(id, "TYPOS") == 0)
        return CATEGORY_SPELLING;
    if (strcmp(id, "CASING") == 0)
        return CATEGORY_CAPITALS;
    if (strcmp(id, "PUNCTUATION") == 0)
        return CATEGORY_PUNCTUATION;
    return is_one_of(id, words) ? CATEGORY_WORD_CHOICE : category_by_rule(rule);
}

static bool is_plain(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    return true;
}

/* The first replacement; false where there is none that can be made. */
static bool read_replacement(const json_t *match, struct grammar_match *m)
{
    const json_t *list = json_object_get(match, "replacements");
    const char *first = lp_json_str(json_array_get(list, 0), "value", NULL);

    if (!first || !is_plain(first) || strlen(first) > 8 * m->len + 8 ||
        strlen(first) >= sizeof m->replacement)
        return false;
    snprintf(m->replacement, sizeof m->replacement, "%s", first);
    m->confidence = json_array_size(list) == 1 ? 0.8 : 0.6;
    return true;
}

/* One match; false where it is passed over. */
static bool read_match(const json_t *match, const char *text, size_t len, struct grammar_match *m)
{
    const char *rule = lp_json_str(match, "rule", "id", NULL);
    const char *message = lp_json_str(match, "message", NULL);
    int64_t offset = lp_json_int(-1, match, "offset", NULL);
    int64_t length = lp_json_int(-1, match, "length", NULL);

    if (!rule || !message || offset < 0 || length < 1 || length > UNITS ||
        !bytes_of_units(text, len, offset, &m->at) ||
        !bytes_of_units(text + m->at, len - m->at, length, &m->len) ||
        !context_agrees(match, text + m->at, m->len))
        return false;
    m->category = category_of(match, rule);
    snprintf(m->rule, sizeof m->rule, "languagetool:%s", rule);
    snprintf(m->message, sizeof m->message, "%s", message);
    return m->category != CATEGORY_NONE && read_replacement(match, m);
}

static int by_place(const void *a, const void *b)
{
    const struct grammar_match *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

static void drop_overlaps(struct grammar_matches *m)
{
    size_t kept = 0, end = 0;

    for (size_t i = 0; i < m->n; i++) {
        if (m->list[i].at < end)
            continue;
        end = m->list[i].at + m->list[i].len;
        if (kept != i)
            m->list[kept] = m->list[i];
        kept++;
    }
    m->n = kept;
}

int grammar_read(const char *answer, size_t answer_len, size_t len, struct grammar_matches *m,
                 struct lp_error *err)
{
    json_auto_t *document = NULL;
    int r =
        lp_json_parse(answer, answer_len, GRAMMAR_ANSWER, "answer of /v2/check", &document, err);

    if (r < 0)
        return r;
    const json_t *list = json_object_get(document, "matches");
    if (!json_is_array(list))
        return lp_error_set(err, LP_E_INVALID, "answer of /v2/check: matches must be a list");
    size_t n = json_array_size(list) < GRAMMAR_MATCHES ? json_array_size(list) : GRAMMAR_MATCHES;
    m->list = lp_calloc(n + 1, sizeof *m->list);
    for (size_t i = 0; i < n; i++)
        m->n += read_match(json_array_get(list, i), m->text, len, &m->list[m->n]);
    qsort(m->list, m->n, sizeof *m->list, by_place);
    drop_overlaps(m);
    return 0;
}

struct question {
    size_t len;
    struct grammar_matches *matches;
};

static int read_answer(const char *body, size_t body_len, void *user, struct lp_error *err)
{
    const struct question *q = user;
    return grammar_read(body, body_len, q->len, q->matches, err);
}

enum engine_outcome grammar_check(struct engine *e, const char *dialect, const char *text,
                                  size_t len, int64_t deadline_ms,
                                  struct grammar_matches *ret_matches)
{
    static const char *const headers[] = { "Content-Type: application/x-www-form-urlencoded",
                                           "Accept: application/json", NULL };
    lp_auto_buf struct lp_buf form = LP_BUF_INIT(3 * len + 64);
    lp_auto_free char *copy = lp_strndup(text, len);
    struct grammar_matches matches = { .text = text };
    struct question question = { .len = len, .matches = &matches };

    /* A form is what follows the ? of a URL. */
    lp_url_query(&form, "language", strcmp(dialect, "en-GB") == 0 ? "en-GB" : "en-US");
    lp_url_query(&form, "text", copy);
    const struct engine_ask ask = { .headers = headers,
                                    .body = form.ptr + 1,
                                    .body_len = form.len - 1,
                                    .deadline_ms = deadline_ms,
                                    .read = read_answer,
                                    .user = &question };
    enum engine_outcome outcome = engine_ask(e, &ask);
    if (outcome == ENGINE_ANSWERED)
        *ret_matches = matches;
    else
        grammar_matches_done(&matches);
    return outcome;
}

int grammar_open(const struct grammar_settings *settings, struct engine **ret_engine,
                 struct lp_error *err)
{
    const struct engine_options options = { .name = "languagetool",
                                            .url = settings->url,
                                            .timeout_ms = settings->timeout_ms,
                                            .concurrency = settings->concurrency,
                                            .max_answer = GRAMMAR_ANSWER };
    return engine_open(&options, "/v2/check", ret_engine, err);
}
