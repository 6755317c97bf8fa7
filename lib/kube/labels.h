/* lib/kube/labels.h -- an object's labels, small and shared, and the selectors that match
 * them.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/*
 * A set of labels that does not change. The pods of one Deployment have equal labels, so that they
 * share one set; references are counted without a lock: all users of one set hold the same lock.
 */
struct lp_labels {
    unsigned refs, n;
    size_t len;
    char text[]; /* key NUL value NUL, n times; len bytes */
};

/* From metadata.labels; members that are no strings are left out. The caller owns one reference. */
struct lp_labels *lp_labels_new(const json_t *object);
struct lp_labels *lp_labels_ref(struct lp_labels *l);
void lp_labels_unref(struct lp_labels *l); /* NULL is fine */
bool lp_labels_equal(const struct lp_labels *a, const struct lp_labels *b);
const char *lp_labels_get(const struct lp_labels *l, const char *key); /* NULL where absent */

#define LP_SELECTOR_TEXT 4096 /* bytes of a selector */
#define LP_SELECTOR_REQUIREMENTS 32
#define LP_SELECTOR_VALUES 64 /* values of all requirements together */

enum lp_selector_op {
    LP_SELECTOR_IN,
    LP_SELECTOR_NOT_IN,
    LP_SELECTOR_EXISTS,
    LP_SELECTOR_NOT_EXISTS
};

/* The strings live in `text`. No requirement matches everything. */
struct lp_selector {
    unsigned n, n_values;
    struct lp_requirement {
        const char *key;
        enum lp_selector_op op;
        unsigned first, n; /* of values */
    } requirements[LP_SELECTOR_REQUIREMENTS];
    const char *values[LP_SELECTOR_VALUES];
    char text[LP_SELECTOR_TEXT];
};

/*
 * The grammar of labelSelector (k8s.io/apimachinery pkg/labels): a=b, a==b, a!=b, a in (x,y), a
 * notin (x,y), a, !a, separated by commas. NULL or "" is everything. LP_E_INVALID says where it is
 * wrong; > and < are refused.
 */
LP_MUST_USE int lp_selector_parse(const char *text, struct lp_selector *ret_selector,
                                  struct lp_error *err);

/* != and notin match where the label is absent, as in Kubernetes. `labels` NULL: none. */
bool lp_selector_matches(const struct lp_selector *s, const struct lp_labels *labels);
