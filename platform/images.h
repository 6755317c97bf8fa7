/* platform/images.h -- where the images of a platform come from by default; the variables of the
 * operator's environment that say so. */
#pragma once

#include <stdbool.h>

#include "platform/plan.h"

#define IMAGES_REGISTRY "learning-platform"
#define IMAGES_PULL_POLICY "IfNotPresent"
#define IMAGES_POSTGRES "docker.io/library/postgres:16"
#define IMAGES_MONGO "docker.io/library/mongo:7.0"

/* As an operator of this version has them with nothing in its environment. */
struct plan_images images_defaults(void);

/* LP_IMAGE_REGISTRY, LP_IMAGE_TAG and the others; ends with NULL. */
#define IMAGES_VARIABLES 8
extern const char *const images_variables[IMAGES_VARIABLES + 1];

/* Takes over the value of one of them; `value` is borrowed. Other variables and NULL do nothing. */
void images_set(struct plan_images *images, const char *variable, const char *value);
