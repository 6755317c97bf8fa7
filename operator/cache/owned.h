/* operator/cache/owned.h -- what is ours of an object, by its managedFields (KEP-555). Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/*
 * What the field manager `manager` owns of `object` by server-side apply, in the shape of the
 * object: others' fields, and items that others added to our lists, are left out; so is what was
 * ours until somebody changed it. Beside it what everybody reads: apiVersion, kind, name,
 * namespace, uid, generation, resourceVersion, deletionTimestamp, spec.replicas, of an HPA whose
 * floor is not ours spec.minReplicas and what lifts it, and the status. The caller's.
 */
json_t *owned_project(const json_t *object, const char *manager);

/*
 * The same of the answer to an apply of `intent` by force. What is ours of it is the intent, where
 * all of that is there and nobody has added items to its lists; only else managedFields are read.
 * The caller's; shares parts with both.
 */
json_t *owned_project_answer(const json_t *answer, const json_t *intent, const char *manager);

/* The key of the LearningPlatform that controls a child; the caller's; NULL where none does. */
char *owned_controller(const json_t *child);

/* Where a projection differs from an intent. */
struct owned_difference {
    json_t *path;    /* steps from the root: a name, or the item of the intent's list; owned */
    char field[192]; /* ".spec.template.spec.containers[name=auth].image" */
    char seen[96], wanted[96]; /* as JSON, shortened; "nothing" where it is not there or not ours */
};
void owned_difference_done(struct owned_difference *d);
#define owned_auto_difference __attribute__((cleanup(owned_difference_done)))

/* The first of them, in no particular order. False: all of `intent` is there. */
bool owned_differs(const json_t *projection, const json_t *intent,
                   struct owned_difference *ret_difference);

/* Whether a projection is an intent that has no hash yet, and nothing else: so it has that of the
 * projection, if there is one. */
bool owned_is(const json_t *projection, const json_t *intent);

/* A text that is the same as long as the projection of one intent is: of spec, data, labels,
 * annotations and owners. The caller's. */
char *owned_digest(const json_t *projection, const json_t *intent);

/*
 * Who else owns the field at `path` of `object`, which has its managedFields; where nobody does (it
 * was removed), who wrote last of the others. "somebody" where the object does not say.
 */
void owned_other_manager(const json_t *object, const char *manager, const json_t *path,
                         char ret_name[128]);
