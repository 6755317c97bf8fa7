/* services/learning/exchange/words.c -- see words.h. No state. */
#include "services/learning/exchange/words.h"

#include <string.h>

const struct word words[] = {
    { "level", "level", WORD_TEXT },
    { "phrase", "phrase", WORD_TEXT },
    { "rank", "rank", WORD_NUMBER },
    { "seconds", "seconds", WORD_NUMBER },
    { "tags", "tag", WORD_TEXTS },
    { "prerequisites", "prerequisite", WORD_ITEMS },
    { "confusableWith", "confusableWith", WORD_ITEMS },
    { "partOf", "partOf", WORD_ITEMS },
    { "content", "content", WORD_JSON },
    { 0 },
};

const struct word *word_of(const char *property)
{
    for (const struct word *w = words; w->member; w++)
        if (strcmp(w->property, property) == 0)
            return w;
    return NULL;
}

const char *words_after(const char *iri, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(iri, prefix, n) == 0 ? iri + n : NULL;
}

bool words_is_class_type(const char *iri)
{
    return strcmp(iri, WORDS_RDFS "Class") == 0 || strcmp(iri, WORDS_OWL "Class") == 0;
}
