/* services/ai-feedback/rules/forms.c -- the lists, and how English spells the forms that are
 * regular. No state. */
#include "services/ai-feedback/rules/forms.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

struct verb {
    const char *base, *past, *participle; /* NULL: regular */
    bool doubles;                         /* the last letter, before -ing and -ed */
};

static const struct verb verbs[] = {
    { "go", "went", "gone", false },
    { "come", "came", "come", false },
    { "eat", "ate", "eaten", false },
    { "drink", "drank", "drunk", false },
    { "see", "saw", "seen", false },
    { "take", "took", "taken", false },
    { "give", "gave", "given", false },
    { "get", "got", "got", true },
    { "make", "made", "made", false },
    { "know", "knew", "known", false },
    { "think", "thought", "thought", false },
    { "buy", "bought", "bought", false },
    { "bring", "brought", "brought", false },
    { "teach", "taught", "taught", false },
    { "catch", "caught", "caught", false },
    { "speak", "spoke", "spoken", false },
    { "write", "wrote", "written", false },
    { "drive", "drove", "driven", false },
    { "choose", "chose", "chosen", false },
    { "break", "broke", "broken", false },
    { "forget", "forgot", "forgotten", true },
    { "begin", "began", "begun", true },
    { "swim", "swam", "swum", true },
    { "sing", "sang", "sung", false },
    { "run", "ran", "run", true },
    { "sit", "sat", "sat", true },
    { "win", "won", "won", true },
    { "sleep", "slept", "slept", false },
    { "keep", "kept", "kept", false },
    { "feel", "felt", "felt", false },
    { "leave", "left", "left", false },
    { "meet", "met", "met", false },
    { "tell", "told", "told", false },
    { "sell", "sold", "sold", false },
    { "say", "said", "said", false },
    { "pay", "paid", "paid", false },
    { "find", "found", "found", false },
    { "lose", "lost", "lost", false },
    { "send", "sent", "sent", false },
    { "spend", "spent", "spent", false },
    { "build", "built", "built", false },
    { "understand", "understood", "understood", false },
    { "stand", "stood", "stood", false },
    { "wear", "wore", "worn", false },
    { "grow", "grew", "grown", false },
    { "fly", "flew", "flown", false },
    { "draw", "drew", "drawn", false },
    { "throw", "threw", "thrown", false },
    { "fall", "fell", "fallen", false },
    { "become", "became", "become", false },
    { "wake", "woke", "woken", false },
    { "hear", "heard", "heard", false },
    { "do", "did", "done", false },
    { "fight", "fought", "fought", false },
    { "ride", "rode", "ridden", false },
    { "want", NULL, NULL, false },
    { "like", NULL, NULL, false },
    { "need", NULL, NULL, false },
    { "love", NULL, NULL, false },
    { "live", NULL, NULL, false },
    { "work", NULL, NULL, false },
    { "play", NULL, NULL, false },
    { "study", NULL, NULL, false },
    { "learn", NULL, NULL, false },
    { "help", NULL, NULL, false },
    { "watch", NULL, NULL, false },
    { "walk", NULL, NULL, false },
    { "talk", NULL, NULL, false },
    { "cook", NULL, NULL, false },
    { "listen", NULL, NULL, false },
    { "visit", NULL, NULL, false },
    { "travel", NULL, NULL, false },
    { "stay", NULL, NULL, false },
    { "use", NULL, NULL, false },
    { "try", NULL, NULL, false },
    { "enjoy", NULL, NULL, false },
    { "prefer", NULL, NULL, true },
    { "believe", NULL, NULL, false },
    { "hate", NULL, NULL, false },
    { "look", NULL, NULL, false },
    { "wait", NULL, NULL, false },
    { "start", NULL, NULL, false },
    { "stop", NULL, NULL, true },
    { "ask", NULL, NULL, false },
    { "answer", NULL, NULL, false },
    { "call", NULL, NULL, false },
    { "clean", NULL, NULL, false },
    { "finish", NULL, NULL, false },
    { "decide", NULL, NULL, false },
    { "explain", NULL, NULL, false },
    { "arrive", NULL, NULL, false },
    { "agree", NULL, NULL, false },
};

static const char *const nouns[][2] = {
    { "friend", "friends" },     { "teacher", "teachers" },     { "student", "students" },
    { "brother", "brothers" },   { "sister", "sisters" },       { "boy", "boys" },
    { "girl", "girls" },         { "child", "children" },       { "person", "people" },
    { "car", "cars" },           { "city", "cities" },          { "country", "countries" },
    { "language", "languages" }, { "movie", "movies" },         { "song", "songs" },
    { "problem", "problems" },   { "reason", "reasons" },       { "thing", "things" },
    { "animal", "animals" },     { "hobby", "hobbies" },        { "subject", "subjects" },
    { "school", "schools" },     { "idea", "ideas" },           { "word", "words" },
    { "story", "stories" },      { "family", "families" },      { "girlfriend", "girlfriends" },
    { "tree", "trees" },         { "apple", "apples" },         { "picture", "pictures" },
    { "teammate", "teammates" }, { "neighbour", "neighbours" }, { "classmate", "classmates" },
    { "mistake", "mistakes" },   { "opinion", "opinions" },     { "lesson", "lessons" },
};

static void regular_third(const char *base, char out[FORM_ROOM])
{
    size_t n = strlen(base);
    char last = base[n - 1], before = '\0';

    if (n > 1)
        before = base[n - 2];

    if (last == 'y' && !strchr("aeiou", before))
        snprintf(out, FORM_ROOM, "%.*sies", (int)n - 1, base);
    else if (strchr("sxzo", last) || (last == 'h' && strchr("cs", before)))
        snprintf(out, FORM_ROOM, "%ses", base);
    else
        snprintf(out, FORM_ROOM, "%ss", base);
}

static void regular_past(const struct verb *v, char out[FORM_ROOM])
{
    size_t n = strlen(v->base);
    char last = v->base[n - 1], before = v->base[n - 2];

    if (last == 'e')
        snprintf(out, FORM_ROOM, "%sd", v->base);
    else if (last == 'y' && !strchr("aeiou", before))
        snprintf(out, FORM_ROOM, "%.*sied", (int)n - 1, v->base);
    else if (v->doubles)
        snprintf(out, FORM_ROOM, "%s%ced", v->base, last);
    else
        snprintf(out, FORM_ROOM, "%sed", v->base);
}

static void regular_ing(const struct verb *v, char out[FORM_ROOM])
{
    size_t n = strlen(v->base);
    char last = v->base[n - 1];

    if (last == 'e' && v->base[n - 2] != 'e')
        snprintf(out, FORM_ROOM, "%.*sing", (int)n - 1, v->base);
    else if (v->doubles)
        snprintf(out, FORM_ROOM, "%s%cing", v->base, last);
    else
        snprintf(out, FORM_ROOM, "%sing", v->base);
}

void verb_write(int verb, enum verb_form form, char ret_text[FORM_ROOM])
{
    const struct verb *v = &verbs[verb];
    const char *irregular = form == VERB_BASE         ? v->base
                            : form == VERB_PAST       ? v->past
                            : form == VERB_PARTICIPLE ? v->participle
                                                      : NULL;
    if (irregular)
        snprintf(ret_text, FORM_ROOM, "%s", irregular);
    else if (form == VERB_THIRD)
        regular_third(v->base, ret_text);
    else if (form == VERB_ING)
        regular_ing(v, ret_text);
    else
        regular_past(v, ret_text);
}

/* The first two letters, which all forms of a stem share. */
static bool begins_like(const char *word, const char *form)
{
    return form && word[0] == form[0] && word[1] == form[1];
}

int verb_find(const char *word, unsigned *ret_forms)
{
    for (size_t i = 0; i < LP_COUNT(verbs); i++) {
        unsigned forms = 0;
        const struct verb *v = &verbs[i];
        bool may = begins_like(word, v->base) || begins_like(word, v->past) ||
                   begins_like(word, v->participle);
        for (int f = 0; may && f < VERB_FORMS; f++) {
            char text[FORM_ROOM];
            verb_write((int)i, (enum verb_form)f, text);
            forms |= (strcmp(text, word) == 0 ? 1u : 0u) << f;
        }
        if (forms) {
            *ret_forms = forms;
            return (int)i;
        }
    }
    return -1;
}

int verb_of_regularised(const char *word)
{
    for (size_t i = 0; i < LP_COUNT(verbs); i++) {
        char text[FORM_ROOM];
        struct verb v = verbs[i];
        if (!v.past || *word != *v.base)
            continue;
        regular_past(&v, text);
        if (strcmp(text, word) == 0)
            return (int)i;
    }
    return -1;
}

int noun_find(const char *word, bool *ret_plural)
{
    for (size_t i = 0; i < LP_COUNT(nouns); i++)
        for (size_t p = 0; p < 2; p++)
            if (strcmp(nouns[i][p], word) == 0) {
                *ret_plural = p == 1;
                return (int)i;
            }
    return -1;
}

void noun_write(int noun, bool plural, char ret_text[FORM_ROOM])
{
    snprintf(ret_text, FORM_ROOM, "%s", nouns[noun][plural]);
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
