/* services/ai-feedback/spelling/spelling.c -- one hunspell handle per dialect behind one lock: the
 * work is CPU-bound, and a handle per worker would cost a dictionary's memory each. Suggestions are
 * ranked by edit distance, then by whether the word is common. */
#include "services/ai-feedback/spelling/spelling.h"

#include <hunspell/hunspell.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "services/ai-feedback/text/distance.h"

struct spelling {
    pthread_mutex_t lock;
    Hunhandle *dictionaries[2];
    int n;
};

static int open_dictionary(const char *folder, const char *name, Hunhandle **ret,
                           struct lp_error *err)
{
    lp_auto_free char *aff = lp_sprintf("%s/%s.aff", folder, name);
    lp_auto_free char *dic = lp_sprintf("%s/%s.dic", folder, name);
    const char *missing = access(aff, R_OK) != 0 ? aff : access(dic, R_OK) != 0 ? dic : NULL;

    if (missing)
        return lp_error_set(err, LP_E_NOT_FOUND,
                            "dictionary %s cannot be read: install the package "
                            "hunspell-en-us or hunspell-en-gb, or set DICTIONARY_DIR",
                            missing);
    *ret = Hunspell_create(aff, dic);
    return *ret ? 0 : lp_error_set(err, LP_E_INTERNAL, "dictionary %s cannot be loaded", dic);
}

int spelling_new(const char *dialect, const char *folder, struct spelling **ret_speller,
                 struct lp_error *err)
{
    struct spelling *s = lp_alloc(sizeof *s);
    int r = 0;

    pthread_mutex_init(&s->lock, NULL);
    if (strcmp(dialect, "en-GB") != 0)
        r = open_dictionary(folder, "en_US", &s->dictionaries[s->n++], err);
    if (r == 0 && strcmp(dialect, "en-US") != 0)
        r = open_dictionary(folder, "en_GB", &s->dictionaries[s->n++], err);
    if (r < 0) {
        spelling_free(s);
        return r;
    }
    *ret_speller = s;
    return 0;
}

void spelling_free(struct spelling *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->n; i++)
        if (s->dictionaries[i])
            Hunspell_destroy(s->dictionaries[i]);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

bool spelling_knows(struct spelling *s, const char *word)
{
    bool known = false;
    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < s->n && !known; i++)
        known = Hunspell_spell(s->dictionaries[i], word) != 0;
    pthread_mutex_unlock(&s->lock);
    return known;
}

/* Words so frequent that among equally near ones they are the likelier. */
static bool is_common(const char *word)
{
    static const char *const words[] = {
        "about",     "after",       "again",     "always",     "and",         "another", "are",
        "around",    "because",     "before",    "believe",    "between",     "but",     "could",
        "different", "environment", "every",     "favorite",   "finally",     "first",   "for",
        "friend",    "friends",     "from",      "government", "grammar",     "have",    "her",
        "him",       "his",         "important", "in",         "interesting", "is",      "it",
        "know",      "language",    "learn",     "like",       "little",      "many",    "more",
        "my",        "necessary",   "not",       "of",         "on",          "people",  "really",
        "receive",   "said",        "school",    "sentence",   "separate",    "should",  "speak",
        "student",   "that",        "the",       "their",      "them",        "then",    "there",
        "they",      "thing",       "think",     "this",       "through",     "to",      "tomorrow",
        "until",     "very",        "want",      "was",        "we",          "were",    "what",
        "when",      "where",       "which",     "with",       "would",       "writing", "year",
        "yesterday", "you",         "your",
    };
    for (size_t i = 0; i < LP_COUNT(words); i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

/* Two neighbours in the wrong order are one slip of the fingers, not two. */
static bool is_transposition(const char *a, const char *b)
{
    size_t n = strlen(a), i = 0;

    if (strlen(b) != n)
        return false;
    while (i < n && a[i] == b[i])
        i++;
    return i + 1 < n && a[i] == b[i + 1] && a[i + 1] == b[i] && strcmp(a + i + 2, b + i + 2) == 0;
}

/* Less is better. Suggestions of two words cost more, as learners seldom drop a space. */
static double cost(const char *word, const char *suggestion, int rank)
{
    double c =
        is_transposition(word, suggestion)
            ? 0.9
            : (double)distance_characters(word, strlen(word), suggestion, strlen(suggestion));
    c += rank * 0.05;
    if (is_common(suggestion))
        c -= 0.6;
    if (strpbrk(suggestion, " -"))
        c += 1.0;
    if (suggestion[0] != word[0])
        c += 0.5;
    return c;
}

static double best_of(const char *word, char **list, int n, char ret_word[SPELLING_WORD])
{
    double best = 1e9;
    for (int i = 0; i < n; i++) {
        double c = cost(word, list[i], i);
        if (c < best && strlen(list[i]) < SPELLING_WORD) {
            best = c;
            memcpy(ret_word, list[i], strlen(list[i]) + 1);
        }
    }
    return best;
}

double spelling_suggest(struct spelling *s, const char *word, char ret_word[SPELLING_WORD])
{
    char **list = NULL;

    pthread_mutex_lock(&s->lock);
    int n = Hunspell_suggest(s->dictionaries[0], &list, word);
    double best = best_of(word, list, n, ret_word);
    Hunspell_free_list(s->dictionaries[0], &list, n);
    pthread_mutex_unlock(&s->lock);
    double limit = strlen(word) <= 4 ? 1.6 : 2.6;
    if (best > limit)
        return 0;
    return best <= 1.1 ? 0.9 : best <= 1.6 ? 0.75 : 0.6;
}
