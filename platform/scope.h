/* platform/scope.h -- which platforms are ours: those of some namespaces, with some labels,
 * of a class.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "kube/client.h"

#define SCOPE_NAMESPACES 32 /* each has a thread and a connection per kind */

/* Start from {0}, which is every platform of the cluster that has no class. */
struct scope {
    unsigned n; /* 0: every namespace */
    const char *namespaces[SCOPE_NAMESPACES];
    const char *selector;   /* of platforms, by label; borrowed; NULL: all */
    const char *class_name; /* spec.className of platforms; borrowed; NULL: those without one */
    char *text;             /* what `namespaces` point into; owned */
};

/*
 * `namespaces` is "a,b", "" for all. LP_E_INVALID where one is no name (RFC 1123 label), comes
 * twice, or where they are too many; and where `class_name`, "" for none, is no such name.
 */
LP_MUST_USE int scope_parse(const char *namespaces, const char *selector, const char *class_name,
                            struct scope *ret_scope, struct lp_error *err);
void scope_done(struct scope *s);

/* Asks the API server whether the selector is one: LP_E_INVALID with what it says; any other
 * trouble is left to the watches. */
LP_MUST_USE int scope_check(const struct scope *s, struct lp_kube_config *kube,
                            struct lp_stop *stop, struct lp_error *err);

/* How many watches a kind needs, at least 1, and the namespace of the i-th; NULL: all. */
unsigned scope_watches(const struct scope *s);
const char *scope_namespace(const struct scope *s, unsigned i);

/* Whether a LearningPlatform is of our class. */
bool scope_has_class_of(const struct scope *s, const json_t *platform);

/* Whether it is one of ours by namespace, labels and class, as the API server would choose it. A
 * selector with > or <, which lp_selector_parse() does not know, takes none. */
bool scope_takes(const struct scope *s, const json_t *platform);
