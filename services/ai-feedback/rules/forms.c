/* services/ai-feedback/rules/forms.c -- how English spells the forms that are regular, and one
 * table of all forms by their hash, made once and only read from then on. */
#include "services/ai-feedback/rules/forms.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "services/ai-feedback/rules/forms_words.h"

#define PLACES 32768 /* of the table: twice the forms and more */
#define VERBS 1536
#define NOUNS 1536
#define ADJECTIVES 256

struct verb {
    char forms[VERB_FORMS][FORM_ROOM];
    char regular_past[FORM_ROOM]; /* of an irregular verb, as it would be; "" where it is none */
};

struct noun {
    char one[FORM_ROOM], many[FORM_ROOM];
    bool person;
};

struct adjective {
    char base[FORM_ROOM], comparative[FORM_ROOM];
};

/* ANY: with those of forms_more.c */
enum kind {
    KIND_NONE,
    KIND_VERB,
    KIND_REGULARISED,
    KIND_NOUN,
    KIND_ADJECTIVE,
    KIND_ANY_VERB,
    KIND_ANY_NOUN
};

/* A word; of those that are forms of several of a kind, the first that came. */
struct place {
    const char *word; /* of the lists below */
    unsigned char kind, forms;
    short index;
};

static struct verb verbs[VERBS];
static struct noun nouns[NOUNS];
static struct adjective adjectives[ADJECTIVES];
static size_t n_verbs, n_nouns, n_adjectives;
static struct place places[PLACES];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static struct place *place_of(const char *word, enum kind kind)
{
    size_t at = (lp_hash(word) ^ (size_t)kind * 977) % PLACES;

    while (places[at].word && (places[at].kind != kind || strcmp(places[at].word, word) != 0))
        at = (at + 1) % PLACES;
    return &places[at];
}

static void put(const char *word, enum kind kind, size_t index, unsigned form)
{
    struct place *p = place_of(word, kind);

    if (!p->word)
        *p = (struct place){ word, (unsigned char)kind, 0, (short)index };
    if ((size_t)p->index == index)
        p->forms = (unsigned char)(p->forms | 1u << form);
}

static bool is_vowel(char c)
{
    return c && strchr("aeiou", c);
}

/* With an -s: of a verb, and of a noun in its plural. */
static void write_s(const char *base, char out[FORM_ROOM])
{
    size_t n = strlen(base);
    char last = base[n - 1], before = '\0';

    if (n > 1)
        before = base[n - 2];

    if (last == 'y' && !is_vowel(before))
        snprintf(out, FORM_ROOM, "%.*sies", (int)n - 1, base);
    else if (strchr("sxz", last) || (last == 'h' && (before == 'c' || before == 's')))
        snprintf(out, FORM_ROOM, "%ses", base);
    else
        snprintf(out, FORM_ROOM, "%ss", base);
}

static void write_ed(const char *base, bool doubles, char out[FORM_ROOM])
{
    size_t n = strlen(base);
    char last = base[n - 1];

    if (last == 'e')
        snprintf(out, FORM_ROOM, "%sd", base);
    else if (last == 'y' && !is_vowel(base[n - 2]))
        snprintf(out, FORM_ROOM, "%.*sied", (int)n - 1, base);
    else if (doubles)
        snprintf(out, FORM_ROOM, "%s%ced", base, last);
    else
        snprintf(out, FORM_ROOM, "%sed", base);
}

static void write_ing(const char *base, bool doubles, char out[FORM_ROOM])
{
    size_t n = strlen(base);
    char last = base[n - 1];

    if (last == 'e' && base[n - 2] == 'i')
        snprintf(out, FORM_ROOM, "%.*sying", (int)n - 2, base); /* "dying" */
    else if (last == 'e' && base[n - 2] != 'e')
        snprintf(out, FORM_ROOM, "%.*sing", (int)n - 1, base);
    else if (doubles)
        snprintf(out, FORM_ROOM, "%s%cing", base, last);
    else
        snprintf(out, FORM_ROOM, "%sing", base);
}

/* The next word of an entry at *at into `out`; false where there is none. */
static bool next_word(const char **at, char out[FORM_ROOM])
{
    size_t n = strcspn(*at, " ");

    if (n == 0)
        return false;
    snprintf(out, FORM_ROOM, "%.*s", (int)n, *at);
    *at += n + ((*at)[n] == ' ');
    return true;
}

/* "seed", "singed": words of their own. */
static bool is_regularised(const struct verb *v)
{
    static const char *const others[] = { "seed", "singed", "waked", "putted", "costed" };

    for (size_t i = 0; i < LP_COUNT(others); i++)
        if (strcmp(v->regular_past, others[i]) == 0)
            return false;
    return *v->regular_past && strcmp(v->regular_past, v->forms[VERB_PAST]) != 0;
}

static void spell_verb(struct verb *v, const char *entry)
{
    char base[FORM_ROOM], regular[FORM_ROOM];

    if (!next_word(&entry, base))
        return;
    size_t n = strlen(base);
    bool doubles = base[n - 1] == '+';
    if (doubles)
        base[--n] = '\0';
    memcpy(v->forms[VERB_BASE], base, sizeof base);
    write_ed(base, doubles, regular);
    if (next_word(&entry, v->forms[VERB_PAST]) && next_word(&entry, v->forms[VERB_PARTICIPLE]))
        memcpy(v->regular_past, regular, sizeof regular);
    else
        for (int f = VERB_PAST; f <= VERB_PARTICIPLE; f++)
            memcpy(v->forms[f], regular, sizeof regular);
    write_s(base, v->forms[VERB_THIRD]);
    if (base[n - 1] == 'o')
        snprintf(v->forms[VERB_THIRD], FORM_ROOM, "%ses", base); /* "goes", "does" */
    write_ing(base, doubles, v->forms[VERB_ING]);
}

/* `more`: one of those that only patterns with ":v" look at. */
static void add_verb(const char *entry, bool more)
{
    struct verb *v = &verbs[n_verbs];

    if (n_verbs == VERBS)
        return;
    spell_verb(v, entry);
    for (unsigned f = 0; f < VERB_FORMS; f++) {
        if (!more)
            put(v->forms[f], KIND_VERB, n_verbs, f);
        put(v->forms[f], KIND_ANY_VERB, n_verbs, f);
    }
    if (!more && is_regularised(v))
        put(v->regular_past, KIND_REGULARISED, n_verbs, 0);
    n_verbs++;
}

static void add_noun(const char *entry, bool person, bool more)
{
    struct noun *x = &nouns[n_nouns];
    char one[FORM_ROOM];

    if (n_nouns == NOUNS || !next_word(&entry, one))
        return;
    memcpy(x->one, one, sizeof one);
    if (!next_word(&entry, x->many))
        write_s(one, x->many);
    x->person = person;
    for (unsigned m = 0; m < 2; m++) {
        if (!more)
            put(m ? x->many : x->one, KIND_NOUN, n_nouns, m);
        put(m ? x->many : x->one, KIND_ANY_NOUN, n_nouns, m);
    }
    n_nouns++;
}

static void add_adjective(const char *entry)
{
    struct adjective *x = &adjectives[n_adjectives];

    if (n_adjectives == ADJECTIVES || !next_word(&entry, x->base))
        return;
    if (!next_word(&entry, x->comparative))
        *x->comparative = '\0';
    put(x->base, KIND_ADJECTIVE, n_adjectives++, 0);
}

/* Entries with "," between them. */
static void add_more(const char *list, bool noun)
{
    char entry[3 * FORM_ROOM];

    for (const char *at = list; *at; at += *at == ',') {
        size_t n = strcspn(at, ",");
        snprintf(entry, sizeof entry, "%.*s", (int)n, at);
        if (noun)
            add_noun(entry, false, true);
        else
            add_verb(entry, true);
        at += n;
    }
}

static void make(void)
{
    for (const char *const *w = forms_irregular_verbs; *w; w++)
        add_verb(*w, false);
    for (const char *const *w = forms_regular_verbs; *w; w++)
        add_verb(*w, false);
    for (const char *const *w = forms_people; *w; w++)
        add_noun(*w, true, false);
    for (const char *const *w = forms_things; *w; w++)
        add_noun(*w, false, false);
    for (const char *const *w = forms_adjectives; *w; w++)
        add_adjective(*w);
    add_more(forms_more_verbs, false);
    add_more(forms_more_nouns, true);
}

static const struct place *find(const char *word, enum kind kind)
{
    pthread_once(&once, make);
    const struct place *p = place_of(word, kind);
    return p->word ? p : NULL;
}

int verb_find_any(const char *word, unsigned *ret_forms)
{
    const struct place *p = find(word, KIND_ANY_VERB);

    if (p)
        *ret_forms = p->forms;
    return p ? p->index : -1;
}

int noun_find_any(const char *word, bool *ret_plural)
{
    const struct place *p = find(word, KIND_ANY_NOUN);

    if (p)
        *ret_plural = p->forms & 2;
    return p ? p->index : -1;
}

void verb_spell(const char *entry, char ret_forms[VERB_FORMS][FORM_ROOM])
{
    unsigned forms;
    int known = verb_find_any(entry, &forms);
    struct verb v = { 0 };

    if (known >= 0 && forms & 1u << VERB_BASE)
        v = verbs[known];
    else
        spell_verb(&v, entry);
    memcpy(ret_forms, v.forms, sizeof v.forms);
}

void verb_write(int verb, enum verb_form form, char ret_text[FORM_ROOM])
{
    memcpy(ret_text, verbs[verb].forms[form], FORM_ROOM);
}

int verb_find(const char *word, unsigned *ret_forms)
{
    const struct place *p = find(word, KIND_VERB);

    if (p)
        *ret_forms = p->forms;
    return p ? p->index : -1;
}

int verb_of_regularised(const char *word)
{
    const struct place *p = find(word, KIND_REGULARISED);
    return p ? p->index : -1;
}

int noun_find(const char *word, bool *ret_plural)
{
    const struct place *p = find(word, KIND_NOUN);

    if (p)
        *ret_plural = p->forms & 2;
    return p ? p->index : -1;
}

void noun_write(int noun, bool plural, char ret_text[FORM_ROOM])
{
    memcpy(ret_text, plural ? nouns[noun].many : nouns[noun].one, FORM_ROOM);
}

bool noun_is_person(int noun)
{
    return nouns[noun].person;
}

int adjective_find(const char *word)
{
    const struct place *p = find(word, KIND_ADJECTIVE);
    return p ? p->index : -1;
}

void adjective_write(int adjective, char ret_comparative[FORM_ROOM])
{
    memcpy(ret_comparative, adjectives[adjective].comparative, FORM_ROOM);
}

bool is_uncountable(const char *word)
{
    static const char *const words[] = { "information", "advice",    "homework", "furniture",
                                         "equipment",   "luggage",   "money",    "water",
                                         "music",       "knowledge", "traffic",  "rice",
                                         "bread",       "rain",      "news",     "work",
                                         "housework",   "pollution", "progress", "software" };
    for (size_t i = 0; i < LP_COUNT(words); i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}
