/* services/ai-feedback/rules/clauses.c -- what one part of a sentence asks of another: two words
 * that join where one does, the time that "yesterday" or "since" tells. No state. */
#include "services/ai-feedback/rules/rules.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "services/ai-feedback/rules/forms.h"

#define WORD 48
/* What is mostly true now, whatever is told of then. */
#define STATES                                                                                 \
    "know think like love hope remember believe guess need want mean suppose understand seem " \
    "feel "                                                                                    \
    "look remind miss regret"

/* A token that is left, read once. */
struct part {
    size_t token;
    char word[WORD]; /* lower case; the mark itself */
    bool is_word, is_number;
    int verb;
    unsigned forms;
};

struct parts {
    struct sentence *s;
    struct part *at; /* one more than n, empty */
    size_t n;
};

static bool is(const struct parts *p, size_t i, const char *list)
{
    return i < p->n && word_is_among(p->at[i].word, list);
}

static bool has(const struct parts *p, size_t i, enum verb_form form)
{
    return i < p->n && p->at[i].verb >= 0 && p->at[i].forms >> form & 1;
}

/* In any of its forms: "seems". */
static bool is_state(const struct parts *p, size_t i)
{
    char base[FORM_ROOM] = "";

    if (is(p, i, STATES))
        return true;
    if (i < p->n && p->at[i].verb >= 0)
        verb_write(p->at[i].verb, VERB_BASE, base);
    return word_is_among(base, STATES);
}

/* A present that is no past as well. */
static bool is_present(const struct parts *p, size_t i)
{
    return (has(p, i, VERB_BASE) || has(p, i, VERB_THIRD)) && !has(p, i, VERB_PAST);
}

static bool is_subject(const struct parts *p, size_t i)
{
    return is(p, i, "i you we they he she it");
}

static void read_parts(struct sentence *s, struct parts *p)
{
    p->s = s;
    p->at = lp_calloc(s->n + 1, sizeof *p->at);
    for (size_t i = sentence_next(s, (size_t)-1); i < s->n; i = sentence_next(s, i)) {
        struct part *x = &p->at[p->n++];
        x->token = i;
        x->is_word = s->tokens[i].kind == TOKEN_WORD;
        x->is_number = s->tokens[i].kind == TOKEN_NUMBER;
        x->verb = -1;
        token_lower(s, i, x->word, sizeof x->word);
        if (x->is_word)
            x->verb = verb_find(x->word, &x->forms);
    }
}

static void change(struct parts *p, size_t i, const char *to, enum category category,
                   const char *rule, const char *message)
{
    const struct token *t = &p->s->tokens[p->at[i].token];
    bool shouted = t->len > 1 && isupper((unsigned char)p->s->text[t->at + 1]);
    char text[2 * FORM_ROOM];
    snprintf(text, sizeof text, "%s", to);
    for (char *c = text; shouted && *c; c++)
        *c = (char)toupper((unsigned char)*c);
    token_change(p->s, p->at[i].token, text, category, rule, 0.82, "%s", message);
    snprintf(p->at[i].word, sizeof p->at[i].word, "%s", to);
    p->at[i].verb = -1;
}

/* "Although he is old, but he is strong": one of the two. */
static void join_once(struct parts *p)
{
    bool although = is(p, 0, "although though") || (is(p, 0, "even") && is(p, 1, "though"));
    bool because = is(p, 0, "because since");

    for (size_t i = 2; (although || because) && i + 2 < p->n; i++) {
        if (!is(p, i, ","))
            continue;
        bool twice = although
                         ? is(p, i + 1, "but") &&
                               (is_subject(p, i + 2) || is(p, i + 2, "the my our his her their"))
                         : is(p, i + 1, "so") &&
                               (is_subject(p, i + 2) || is(p, i + 2, "the my our his her their"));
        if (twice)
            change(p, i + 1, "", CATEGORY_GRAMMAR, "joined-twice",
                   although ? "\"Although\" and \"but\" say the same: one of them is enough."
                            : "\"Because\" and \"so\" say the same: one of them is enough.");
        return;
    }
}

/* "If I were rich, I will": would. */
static void if_were_would(struct parts *p)
{
    if (!is(p, 0, "if") || !is_subject(p, 1) ||
        !(is(p, 2, "were") || (is(p, 2, "had") && !has(p, 3, VERB_PARTICIPLE))))
        return;
    if ((is(p, 2, "were") && !is(p, 1, "i he she it") && is(p, 3, "at in there here with on")) ||
        is(p, 3, "been already")) /* it may have been so */
        return;
    for (size_t i = 3; i + 2 < p->n; i++)
        if (is(p, i, ",") && is_subject(p, i + 1) && is(p, i + 2, "will")) {
            change(p, i + 2, "would", CATEGORY_TENSE, "if-were-would",
                   "What is only imagined goes with \"would\": if I were rich, I would travel.");
            return;
        }
}

/* ---- what is over ---- */

#define LASTED                                                                              \
    "week month year night summer winter weekend monday tuesday wednesday thursday friday " \
    "saturday sunday"

/* Behind the words at `i` that tell a time that is over; `i` where there are none. */
static size_t behind_past_time(const struct parts *p, size_t i)
{
    if (i > 0 &&
        is(p, i - 1, "the of in over during for like about from than as unlike with to before"))
        /* "in the last year", "better than last year" */
        return i;
    if (is(p, i, "yesterday"))
        return is(p, i + 1, "morning afternoon evening night") ? i + 2 : i + 1;
    if (is(p, i, "last") && is(p, i + 1, LASTED))
        return i + 2;
    if (is(p, i, "when") && is_subject(p, i + 1) && is(p, i + 2, "was were")) {
        size_t k = is(p, i + 3, "a an in at") ? i + 4 : i + 3;
        while (is(p, k, "child kid young little small high primary junior"))
            k++;
        return k > i + 3 ? k + is(p, k, "school") + is(p, k + 1, "student") : i;
    }
    return i;
}

/* The verb of a part of the sentence that begins at `i` with its subject; n where there is none. */
static size_t verb_behind(const struct parts *p, size_t i)
{
    if (!is_subject(p, i))
        return p->n;
    return is(p, i + 1, "already also just often always then sometimes") ? i + 2 : i + 1;
}

static void put_into_past(struct parts *p, size_t i)
{
    char text[FORM_ROOM];

    verb_write(p->at[i].verb, VERB_PAST, text);
    change(p, i, text, CATEGORY_TENSE, "over-past", "It is over: the verb stands in the past.");
}

/* "have been to" is gone to, "have traveled" the past alone. */
static void perfect_into_past(struct parts *p, size_t have)
{
    static const char why[] =
        "When it was is told, so the verb stands in the past: I saw him yesterday.";
    char text[FORM_ROOM];

    if (is(p, have + 1, "been") && is(p, have + 2, "to"))
        snprintf(text, sizeof text, "went");
    else if (has(p, have + 1, VERB_PARTICIPLE))
        verb_write(p->at[have + 1].verb, VERB_PAST, text);
    else
        return;
    change(p, have, "", CATEGORY_TENSE, "over-not-perfect", why);
    change(p, have + 1, text, CATEGORY_TENSE, "over-not-perfect", why);
}

static void into_past(struct parts *p, size_t verb)
{
    if (is_present(p, verb))
        put_into_past(p, verb);
    else if (is(p, verb, "have has"))
        perfect_into_past(p, verb);
}

static bool tells(const struct parts *p, const char *list)
{
    for (size_t i = 0; i < p->n; i++)
        if (is(p, i, list))
            return true;
    return false;
}

/* Begins with the time: what comes first, and what is joined to it by "and", is over. */
static void begins_in_past(struct parts *p, size_t i)
{
    i += is(p, i, ",");
    size_t verb = verb_behind(p, i);
    if (verb >= p->n || is_state(p, verb))
        return;
    bool was_present = is_present(p, verb);
    into_past(p, verb);
    /* Who put the first one into the past means the present: "I saw it and I recommend it". */
    for (size_t k = verb + 1; was_present && k + 2 < p->n; k++)
        if (is(p, k, "and then so") && is_subject(p, k + 1)) {
            verb = verb_behind(p, k + 1);
            if (verb < p->n && is_present(p, verb) && !is_state(p, verb))
                put_into_past(p, verb);
        }
}

/* Ends with the time: only where nothing else of the sentence could be meant by it. */
static void ends_in_past(struct parts *p, size_t time)
{
    size_t verb = verb_behind(p, is(p, 0, "and but so") ? 1 : 0), n = 0;

    for (size_t i = 0; i < time; i++)
        n += is_subject(p, i) || is(p, i, "that who which what when where how if because") ||
             (i != verb && i != verb + 1 && (has(p, i, VERB_PAST) || is(p, i, "was were did")));
    if (n != 1 || verb >= time || is_state(p, verb))
        return;
    into_past(p, verb);
}

static void over_is_past(struct parts *p)
{
    size_t first = is(p, 0, "so and but") ? 1 : 0;

    if (tells(p, "since until if every would now today still"))
        return;
    size_t behind = behind_past_time(p, first);
    if (behind > first) {
        begins_in_past(p, behind);
        return;
    }
    for (size_t i = first + 2; i < p->n; i++)
        if (behind_past_time(p, i) > i || (is(p, i, "ago") && i + 1 >= p->n)) {
            ends_in_past(p, i);
            return;
        }
}

/* ---- what goes on ---- */

/* "since 2010", "since yesterday", "from this morning": a time, no reason. */
static bool tells_begin(const struct parts *p, size_t i)
{
    if (is(p, i, "from"))
        return is(p, i + 1, "this") && is(p, i + 2, "morning");
    return is(p, i, "since") &&
           (i + 1 < p->n && ((p->at[i + 1].is_number && strlen(p->at[i + 1].word) == 4) ||
                             is(p, i + 1, "yesterday childhood monday january") ||
                             (is(p, i + 1, "this") && is(p, i + 2, "morning")) ||
                             (is(p, i + 1, "last") && is(p, i + 2, LASTED))));
}

static bool is_ing(const struct parts *p, size_t i)
{
    size_t len = i < p->n ? strlen(p->at[i].word) : 0;
    return len > 5 && strcmp(p->at[i].word + len - 3, "ing") == 0;
}

static void go_on(struct parts *p, size_t subject)
{
    static const char why[] = "It began then and goes on: have been living, have lived.";
    bool one = is(p, subject, "he she it");
    char text[FORM_ROOM + 8];

    if (is(p, subject + 1, "am is are") && is_ing(p, subject + 2)) {
        change(p, subject + 1, one ? "has been" : "have been", CATEGORY_TENSE, "since-perfect",
               why);
    } else if (is(p, subject, "i'm") && is_ing(p, subject + 1)) {
        change(p, subject, "I've been", CATEGORY_TENSE, "since-perfect", why);
    } else if (is_subject(p, subject) && is_present(p, subject + 1)) {
        char form[FORM_ROOM];
        verb_write(p->at[subject + 1].verb, VERB_PARTICIPLE, form);
        snprintf(text, sizeof text, "%s %s", one ? "has" : "have", form);
        change(p, subject + 1, text, CATEGORY_TENSE, "since-perfect", why);
    }
}

static void since_is_perfect(struct parts *p)
{
    size_t begin = 0;

    for (size_t i = 0; i < p->n; i++) {
        if (is(p, i, ", and but because that"))
            begin = i + 1;
        if (i < begin + 3 || !tells_begin(p, i))
            continue;
        for (size_t k = begin + 1; k < i; k++) /* who or what it is that began is another */
            if (is_subject(p, k) ||
                is(p, k,
                   "have has had been was were did he's she's it's "
                   "they've we've you've who what which") ||
                (has(p, k, VERB_PAST) && !has(p, k, VERB_BASE)))
                return;
        bool from =
            is(p, i, "from") && is(p, begin + 1, "is") && is_ing(p, begin + 2) && i == begin + 3;
        if (is(p, i, "from") && !from)
            continue;
        if (is_subject(p, begin) || is(p, begin, "i'm"))
            go_on(p, begin);
        if (from)
            change(p, i, "since", CATEGORY_PREPOSITION, "since-perfect",
                   "When it began is told by \"since\".");
        return;
    }
}

void rule_clauses(struct sentence *s)
{
    struct parts p = { 0 };

    read_parts(s, &p);
    join_once(&p);
    if_were_would(&p);
    over_is_past(&p);
    since_is_perfect(&p);
    free(p.at);
}
