/* services/learning/exchange/format.h -- formats of content as text, their limits, and what is read
 * of them. */
#pragma once

#include <jansson.h>

#include "base/error.h"

enum exchange_format {
    EXCHANGE_TURTLE,
    EXCHANGE_JSONLD,
    EXCHANGE_CSV,
    EXCHANGE_ANKI,
    EXCHANGE_FORMATS
};
extern const char *const exchange_names[EXCHANGE_FORMATS + 1]; /* ends with NULL */
extern const char *const exchange_types[EXCHANGE_FORMATS];     /* media types */

#define EXCHANGE_BYTES ((size_t)2 * 1024 * 1024) /* of one document */
#define EXCHANGE_ITEMS 5000
#define EXCHANGE_CLASSES 1000
#define EXCHANGE_LITERAL 8192 /* bytes of one text */
#define EXCHANGE_IRI 2048     /* bytes of one IRI, and of a prefix's */
#define EXCHANGE_PREFIXES 256 /* lines of Turtle that name a prefix */
#define EXCHANGE_NODES 100000 /* objects and arrays in JSON, those in texts too */
#define EXCHANGE_DEPTH 16     /* of brackets in Turtle, of objects and arrays in JSON */

/* Arrays of the owner: classes {"name","label","subClassOf"}, items as item_read gives them, each
 * id once, in the order of the document. */
struct exchange {
    json_t *classes, *items;
    int ignored; /* statements, members and columns that say nothing to us */
};
void exchange_done(struct exchange *e);
#define auto_exchange __attribute__((cleanup(exchange_done)))

/* What an item has whose row names neither; for CSV and Anki. NULL: nothing. */
struct exchange_defaults {
    const char *class, *level;
};
