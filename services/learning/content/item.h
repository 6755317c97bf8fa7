/* services/learning/content/item.h -- an item as a teacher sends it, checked. Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

#define ITEM_NAME 64      /* bytes of an id and of a class's name */
#define ITEM_PHRASE 500   /* bytes of phrase and label */
#define ITEM_CONTENT 8192 /* bytes of content, as JSON */
#define ITEM_LABEL 200    /* bytes of a class's label */
#define ITEM_RELATED 20   /* items of one relation, tags */

/* 1 to ITEM_NAME of letters, digits, '.', '_', ':' and '-'. */
bool item_is_name(const char *text);

/*
 * The document of an item: class, level (A1..C2) and phrase are required; rank (0..1000000, what
 * comes first within a level), seconds (1..3600, what it takes), tags, prerequisites,
 * confusableWith, partOf (ids), content (an object: meaning, example, media) may be there; what
 * else there is, and what a list has twice, is dropped. `id` names it; NULL: its member "id" does.
 * The caller's. LP_E_INVALID names member, value and limit.
 */
LP_MUST_USE int item_read(const json_t *object, const char *id, json_t **ret_document,
                          struct lp_error *err);
