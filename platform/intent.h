/* platform/intent.h -- the hash of an intent: what the operator owns of a child, as an annotation
 * of it. Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#define ANNOTATION_INTENT "learningplatform.io/intent"

/* SHA-256 of the canonical text of `o`, in hexadecimal digits. */
#define INTENT_DIGEST_TEXT 65
void intent_digest(const json_t *o, char ret_hex[INTENT_DIGEST_TEXT]);

/* Puts the hash of `intent` on it. */
void intent_stamp(json_t *intent);
/* The same where it is known. False, and nothing: `hash` is none. */
bool intent_stamp_as(json_t *intent, const char *hash);

/* The hash that an intent, or an object in the cluster, carries; borrowed; "" without one. */
const char *intent_hash(const json_t *object);
