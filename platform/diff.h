/* platform/diff.h -- what differs between two states of a Kubernetes object, field by field. Pure.
 */
#pragma once

#include <jansson.h>

#define DIFF_MAX_FIELDS 100 /* per object; the others are counted */
#define DIFF_MAX_VALUE 512  /* bytes of the text of one value; more is cut */

/* `fields` is [{"path", "before", "after"}], owned; an absent side is left out. */
struct diff {
    json_t *fields;
    unsigned more; /* that did not find room */
};
void diff_done(struct diff *d);
#define diff_auto __attribute__((cleanup(diff_done)))

/*
 * Compares the object as it is with what it would be, both as the API server gives them. Left out
 * are status, what the API server keeps in metadata, and our hash of the intent. A path reads
 * spec.template.spec.containers[auth].image: items that have names are found by them, others by
 * their index. Credentials in environment variables are not shown, only that they differ.
 */
void diff_objects(const json_t *before, const json_t *after, struct diff *ret_diff);

/* "path: before -> after" of one field, appended as text. */
struct lp_buf;
void diff_field_text(const json_t *field, struct lp_buf *out);
