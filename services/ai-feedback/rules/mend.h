/* services/ai-feedback/rules/mend.h -- small errors of grammar: a word that is missing, one too
 * many, or one that has another form. A linear classifier says which ways of mending a place are
 * meant, if any. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/ai-feedback/spelling/model.h"
#include "services/ai-feedback/text/sentence.h"

#define MEND_ROOM 32 /* bytes of a word with its NUL */
#define MEND_WAYS 32 /* at one place */
#define MEND_FEATURES 40
#define MEND_BITS 21
#define MEND_MISSING 28 /* words that may be missing */

/* What a way is about: each has a margin and a reason of its own. */
enum mend_group {
    MEND_ARTICLE_MISSING,
    MEND_ARTICLE_NEEDLESS,
    MEND_ARTICLE_OTHER,
    MEND_PREPOSITION_MISSING,
    MEND_PREPOSITION_NEEDLESS,
    MEND_PREPOSITION_OTHER,
    MEND_NUMBER,
    MEND_AGREEMENT,
    MEND_BE, /* is, are; has, have; do, does for each other */
    MEND_VERB_FORM,
    MEND_TENSE,
    MEND_VERB_MISSING,
    MEND_VERB_NEEDLESS,
    MEND_WORD_MISSING,
    MEND_WORD_NEEDLESS,
    MEND_CONFUSED,
    MEND_ADVERB,
    MEND_WORD_FORM,  /* a noun for its adjective or verb */
    MEND_GROUPS = 24 /* with room for more: margins in front of the weights */
};

/* Words of which one is written for another (mend_sets.c); each list ends with NULL. */
struct mend_set {
    enum mend_group group;
    const char *words[12];
};
extern const struct mend_set mend_sets[];
extern const size_t mend_set_count;

enum mend_act { MEND_PUT, MEND_DROP, MEND_TURN };

/* A word of a sentence as mending sees it. */
struct mend_word {
    char text[MEND_ROOM];      /* lower case; "" where it is longer or no word */
    uint64_t hash, ending;     /* of the word, of its last three letters */
    uint64_t class;            /* which part of speech it can be */
    int id;                    /* in the trigram model */
    unsigned kind;             /* enum of tagging/features.h */
    bool marked, name, number; /* a mark stands before it; it has a capital and is not the first */
    size_t token;              /* MEND_NO_TOKEN: put in */
};
#define MEND_NO_TOKEN ((size_t)-1)

/* The words of a sentence; owned. */
struct mend_text {
    const struct model *model;
    struct mend_word *words;
    size_t n, cap;
    int missing[MEND_MISSING]; /* numbers of words in the model */
};
void mend_text_init(struct mend_text *t, const struct sentence *s, const struct model *model);
void mend_text_done(struct mend_text *t);
/* Of word i, which may be none: one of `list` (word_is_among); a noun's plural. */
bool mend_is_word(const struct mend_text *t, size_t i, const char *list);
bool mend_is_plural(const struct mend_text *t, size_t i);

/* Does to the words what a way does to the sentence. */
struct mend_way;
void mend_text_change(struct mend_text *t, size_t i, const struct mend_way *way);

/* One way to mend a place: `word` is put before word i, or stands instead of it; "" drops it. */
struct mend_way {
    enum mend_act act;
    enum mend_group group;
    char word[MEND_ROOM];
    uint64_t label; /* what it is to the classifier */
    double gain;    /* nats by which the trigram model likes the sentence better */
};

/* The ways to mend the gap before word i, or word i itself. */
size_t mend_gap_ways(const struct mend_text *t, size_t i, struct mend_way ret_ways[MEND_WAYS]);
size_t mend_word_ways(const struct mend_text *t, size_t i, struct mend_way ret_ways[MEND_WAYS]);

/* What the classifier looks at; leaving the place as it is scores 0. */
size_t mend_features(const struct mend_text *t, size_t i, const struct mend_way *way,
                     uint64_t ret_features[MEND_FEATURES]);

/* What the classifier does not see of the words around speaks for the place as it is. */
bool mend_stands_as_it_is(const struct mend_text *t, size_t i, const struct mend_way *way);
