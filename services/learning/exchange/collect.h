/* services/learning/exchange/collect.h -- what a reader found, checked and counted. Pure. */
#pragma once

#include "services/learning/exchange/format.h"

/* Initialise with collect_init; the arrays are those of the result. */
struct collect {
    struct exchange found;
    json_t *ids, *names; /* objects: what was there */
};
void collect_init(struct collect *c);
void collect_done(struct collect *c);
#define auto_collect __attribute__((cleanup(collect_done)))

/* `label` NULL: the name. `parent` NULL: a top class. LP_E_INVALID, LP_E_TOO_LARGE. */
LP_MUST_USE int collect_class(struct collect *c, const char *name, const char *label,
                              const char *parent, struct lp_error *err);
/* `item` as a teacher sends it. LP_E_INVALID, LP_E_TOO_LARGE. */
LP_MUST_USE int collect_item(struct collect *c, const json_t *item, struct lp_error *err);
/* Hands over what was found. LP_E_INVALID where a class is below itself. */
LP_MUST_USE int collect_end(struct collect *c, struct exchange *ret, struct lp_error *err);

/* A text as a whole number; LP_E_INVALID names `member`. */
LP_MUST_USE int collect_number(const char *member, const char *text, json_t **ret_number,
                               struct lp_error *err);
/* A text as JSON, with the limits of an item's content. */
LP_MUST_USE int collect_json(const char *member, const char *text, json_t **ret_json,
                             struct lp_error *err);
/* LP_E_TOO_LARGE where arrays and objects are nested deeper than EXCHANGE_DEPTH. */
LP_MUST_USE int collect_depth(const json_t *value, const char *what, struct lp_error *err);
