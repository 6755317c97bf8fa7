/* services/learning/exchange/columns.h -- what stands in which column of a table of items. Pure. */
#pragma once

#include "base/buf.h"
#include "services/learning/exchange/collect.h"

enum column {
    COLUMN_ID,
    COLUMN_CLASS,
    COLUMN_LEVEL,
    COLUMN_PHRASE,
    COLUMN_RANK,
    COLUMN_SECONDS,
    COLUMN_TAGS,
    COLUMN_PREREQUISITES,
    COLUMN_CONFUSABLES,
    COLUMN_PART_OF,
    COLUMN_MEANING, /* of content, as is the next */
    COLUMN_EXAMPLE,
    COLUMN_CONTENT, /* what else there is of it, JSON */
    COLUMNS,
    COLUMN_NONE = COLUMNS,
    COLUMN_DECK, /* Anki's, which says nothing to us */
};
extern const char *const column_names[COLUMNS];

/* Any case, and the names that notes of Anki have: Front, Back, guid … COLUMN_NONE: unknown. */
enum column column_of(const char *name);

/* One row: `cells` by column, NULL or "" where there is none. */
struct row {
    const char *cells[COLUMNS];
    char between; /* tags: ';', or Anki's ' ' */
};
/* An item as a teacher sends it, the caller's. LP_E_INVALID, LP_E_TOO_LARGE. */
LP_MUST_USE int row_item(const struct row *row, json_t **ret_item, struct lp_error *err);

/* The cell of an item, appended. */
void column_write(const json_t *item, enum column column, char between, struct lp_buf *b);
