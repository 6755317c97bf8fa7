/* services/ai-feedback/api.h -- the routes. */
#pragma once

#include "service/identity.h"
#include "service/service.h"
#include "service/streams.h"
#include "services/ai-feedback/engines/transcribe.h"
#include "services/ai-feedback/outbox.h"
#include "services/ai-feedback/spelling/spelling.h"

#define AI_MAX_TEXT (1 << 20) /* bytes of a request body */

/* What every request works with; borrowed by the service for as long as it runs. */
struct ai {
    struct spelling *speller;
    struct outbox *outbox;
    struct lp_identities *identities;
    struct lp_streams *streams;     /* long answers */
    struct engine *grammar;         /* a second opinion; NULL: none */
    const char *dialect;            /* that it is asked about */
    struct transcriber transcriber; /* for audio */
};

/* What other services may call. */
extern const struct lp_identity_grant ai_grants[];

/* The service definition around `ai`. */
struct lp_service ai_service(struct ai *ai);
