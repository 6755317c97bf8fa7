/* cli/about.h -- which objects of a namespace are of one platform, by kind and name: for Events. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* Opaque; the platform that it is made of is not needed any more. */
struct about;

/*
 * Of the platform itself, what its plan has (plan.h), and what these make: ReplicaSets and pods of
 * Deployments, pods of StatefulSets. Of one whose spec cannot be decoded: of itself alone.
 */
struct about *about_new(const json_t *platform);
void about_free(struct about *a);

/*
 * `regarding`: an ObjectReference. The platform by its uid, as one of that name may have been there
 * before; the others by kind and whole name, as `english-2` and what is its begin with `english`,
 * too. Pods and ReplicaSets by what controllers add to their owner's name: "-<hash>" to a
 * Deployment's, "-<hash>-<random>", "-<ordinal>" to a StatefulSet's.
 */
bool about_has(const struct about *a, const json_t *regarding);
