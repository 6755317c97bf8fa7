/* services/ai-feedback/api.h -- the routes. */
#pragma once

#include "service/identity.h"
#include "service/service.h"
#include "services/ai-feedback/ai.h"

#define AI_MAX_TEXT (1 << 20)           /* bytes of a request body */
#define AI_MAX_EXPORT ((size_t)7 << 20) /* lp-auth takes 8 MB of a service */

/* What other services may call. */
extern const struct lp_identity_grant ai_grants[];

/* The service definition around `ai`. */
struct lp_service ai_service(struct ai *ai);
