/* autoscaler/samples/labels.h -- an object's labels, small and shared, and the selectors that match
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
struct labels {
    unsigned refs, n;
    size_t len;
    char text[]; /* key NUL value NUL, n times; len bytes */
};

/* From metadata.labels; members that are no strings are left out. The caller owns one reference. */
struct labels *labels_new(const json_t *object);
struct labels *labels_ref(struct labels *l);
void labels_unref(struct labels *l); /* NULL is fine */
bool labels_equal(const struct labels *a, const struct labels *b);
const char *labels_get(const struct labels *l, const char *key); /* NULL where absent */

#define SELECTOR_TEXT 4096 /* bytes of a selector */
#define SELECTOR_REQUIREMENTS 32
#define SELECTOR_VALUES 64 /* values of all requirements together */

enum selector_op { SELECTOR_IN, SELECTOR_NOT_IN, SELECTOR_EXISTS, SELECTOR_NOT_EXISTS };

/* The strings live in `text`. No requirement matches everything. */
struct selector {
    unsigned n, n_values;
    struct requirement {
        const char *key;
        enum selector_op op;
        unsigned first, n; /* of values */
    } requirements[SELECTOR_REQUIREMENTS];
    const char *values[SELECTOR_VALUES];
    char text[SELECTOR_TEXT];
};

/*
 * The grammar of labelSelector (k8s.io/apimachinery pkg/labels): a=b, a==b, a!=b, a in (x,y), a
 * notin (x,y), a, !a, separated by commas. NULL or "" is everything. LP_E_INVALID says where it is
 * wrong; > and < are refused.
 */
LP_MUST_USE int selector_parse(const char *text, struct selector *ret_selector,
                               struct lp_error *err);

/* != and notin match where the label is absent, as in Kubernetes. `labels` NULL: none. */
bool selector_matches(const struct selector *s, const struct labels *labels);
