/* services/learning/exchange/words.h -- how members of an item are called in RDF, and the IRIs of
 * items and classes. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define WORDS_NS "https://learningplatform.io/ontology#"
#define WORDS_ITEM "https://learningplatform.io/ontology/item/"
#define WORDS_CLASS "https://learningplatform.io/ontology/class/"
#define WORDS_RDF "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
#define WORDS_RDFS "http://www.w3.org/2000/01/rdf-schema#"
#define WORDS_OWL "http://www.w3.org/2002/07/owl#"

enum word_kind { WORD_TEXT, WORD_NUMBER, WORD_TEXTS, WORD_ITEMS, WORD_JSON };

/* A member of an item beside id and class, and the local name of its property. */
struct word {
    const char *member, *property;
    enum word_kind kind;
};
extern const struct word words[]; /* ends with member NULL */

/* Of a property's local name; NULL: none. */
const struct word *word_of(const char *property);

/* What follows `prefix` in `iri`; NULL where it does not begin so. */
const char *words_after(const char *iri, const char *prefix);
/* A class of classes: rdfs:Class, owl:Class. */
bool words_is_class_type(const char *iri);
