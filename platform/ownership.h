/* platform/ownership.h -- whose an object is that has the name of a child. */
#pragma once

#include <jansson.h>

#include "platform/plan.h"

enum ownership {
    OWNERSHIP_OURS,
    OWNERSHIP_TERMINATING, /* of a platform of this name that is gone: so will it be */
    OWNERSHIP_FOREIGN,     /* left alone */
};

/*
 * `object` as the API server has it, or what we own of it (operator/cache/owned.h). Ours is what
 * our platform controls; what nobody controls and we have applied for a platform of this name, or
 * somebody has handed over with the annotation learningplatform.io/adopt; and of claims, with their
 * data, what has our labels though nobody or only a StatefulSet owns it.
 */
enum ownership ownership_of(const struct platform *p, enum child_kind kind, const json_t *object);

/* Why a foreign object keeps its name, and how it is handed over; the caller's. */
char *ownership_conflict(const struct platform *p, enum child_kind kind, const json_t *object);

/* True where an ownerReference has this uid. */
bool ownership_has(const json_t *object, const char *owner_uid);
