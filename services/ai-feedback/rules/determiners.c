/* services/ai-feedback/rules/determiners.c -- one thing that can be counted stands with "a" or
 * "the": "I work in factory". Which of them the trigram model tells. No state. */
#include "services/ai-feedback/rules/rules.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "services/ai-feedback/rules/forms.h"

#define WORD 48
#define GAIN 1.0 /* nats by which it must be likelier with an article */

/* Nouns that stand alone as well: "at school", "in bed", "Mother said". */
static bool may_stand_alone(const char *noun)
{
    return word_is_among(
        noun,
        "school university country bed class family day week month year hour minute town word "
        "person "
        "party mother father uncle aunt grandmother grandfather friend child man woman girl boy "
        "breakfast lunch dinner game culture season table baby example holiday language "
        "sister brother son daughter wife husband doctor nurse professor tradition subject "
        "egg cake disease hand team parent decision experience vegetable topic station story");
}

/* Jobs: "I want to be doctor". */
static bool is_job(const char *noun)
{
    return word_is_among(
        noun,
        "doctor nurse engineer lawyer farmer driver teacher student singer actor actress waiter "
        "waitress writer scientist artist soldier policeman pilot dentist chef musician dancer "
        "businessman manager professor tourist child");
}

#define PLACED "in at near to into from on"
#define HELD                                                                                    \
    "buy bought need needs want wants has have had sell sold build built rent drive drove see " \
    "saw found own owns"
#define BE "be become became am is was i'm as becoming"
#define ENDS                                                                                       \
    "and but because in at on with for from that who near yesterday every when i we so last next " \
    "by "                                                                                          \
    "tomorrow now again before after today he she they which where"

/* Reads word i; "" where it is none. */
static const char *word_of(const struct sentence *s, size_t i, char out[WORD])
{
    *out = '\0';
    if (i < s->n && s->tokens[i].kind == TOKEN_WORD)
        token_lower(s, i, out, WORD);
    return out;
}

/* Likelihood of `article` (NULL: none) between its neighbours. */
static double weigh(const struct spelling *speller, const char *const around[5],
                    const char *article)
{
    const char *words[8];
    size_t n = 0;

    words[n++] = around[0];
    words[n++] = around[1];
    if (article)
        words[n++] = article;
    words[n++] = around[2];
    words[n++] = around[3];
    if (around[3])
        words[n++] = around[4];
    return spelling_likelihood(speller, words, n);
}

/* A noun, and the word in front of which its article would stand. */
struct place {
    size_t first, noun, before, after; /* tokens; s->n: none */
    const char *only;                  /* the one article that may stand there; NULL: any */
};

static bool find_place(const struct sentence *s, size_t i, struct place *ret_place)
{
    char noun[WORD], before[WORD], after[WORD];
    struct place p = { .noun = i, .first = i };
    bool plural;

    bool named = s->text[s->tokens[i].at] >= 'A' && s->text[s->tokens[i].at] <= 'Z';
    if (named || s->tokens[i].now || noun_find(word_of(s, i, noun), &plural) < 0 || plural)
        return false;
    p.before = sentence_previous(s, i);
    for (int k = 0; k < 2 && p.before < s->n && adjective_find(word_of(s, p.before, before)) >= 0;
         k++) {
        p.first = p.before;
        p.before = sentence_previous(s, p.before);
    }
    p.after = sentence_next(s, i);
    word_of(s, p.before < s->n ? p.before : s->n, before);
    bool ended = p.after == s->n || s->tokens[p.after].kind == TOKEN_MARK ||
                 word_is_among(word_of(s, p.after, after), ENDS);
    bool job = is_job(noun) && word_is_among(before, BE);
    bool held = !may_stand_alone(noun) && word_is_among(before, HELD);
    bool placed = !may_stand_alone(noun) && p.first == p.noun && word_is_among(before, PLACED);
    p.only = job || held ? "a" : NULL;
    *ret_place = p;
    return ended && (job || held || placed);
}

static void put_article(struct sentence *s, const struct spelling *speller, const struct place *p)
{
    char words[5][WORD], text[2 * WORD];
    size_t b = p->before, b2 = sentence_previous(s, b), a = p->first;
    size_t a2 = sentence_next(s, a), a3 = a2 < s->n ? sentence_next(s, a2) : s->n;
    const char *around[5] = { b2 < s->n ? word_of(s, b2, words[0]) : NULL, word_of(s, b, words[1]),
                              word_of(s, a, words[2]), a2 < s->n ? word_of(s, a2, words[3]) : NULL,
                              a3 < s->n ? word_of(s, a3, words[4]) : NULL };

    if (a2 < s->n && !*around[3])
        around[3] = NULL; /* a mark ends it */
    if (a3 < s->n && !*around[4])
        around[4] = NULL;
    const char *indefinite = strchr("aeiou", words[2][0]) ? "an" : "a";
    double none = weigh(speller, around, NULL), one = weigh(speller, around, indefinite);
    double the = p->only ? one - 1 : weigh(speller, around, "the");
    if ((one > the ? one : the) < none + GAIN)
        return;
    snprintf(text, sizeof text, "%s %s", one > the ? indefinite : "the", words[2]);
    token_change(s, a, text, CATEGORY_ARTICLE, "missing-article", 0.75,
                 "One thing that can be counted stands with \"a\", \"the\", \"my\" or the like: "
                 "\"%s\".",
                 text);
}

void rule_determiners(struct sentence *s, const struct spelling *speller)
{
    for (size_t i = sentence_next(s, (size_t)-1); i < s->n; i = sentence_next(s, i)) {
        struct place p;
        if (s->tokens[i].kind == TOKEN_WORD && find_place(s, i, &p) && p.before < s->n &&
            !s->tokens[p.first].now && !s->tokens[p.first].kept)
            put_article(s, speller, &p);
    }
}
