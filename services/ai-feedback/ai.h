/* services/ai-feedback/ai.h -- what every request works with. */
#pragma once

#include "postgres/db.h"
#include "service/identity.h"
#include "service/streams.h"
#include "services/ai-feedback/engines/transcribe.h"
#include "services/ai-feedback/outbox.h"
#include "services/ai-feedback/spelling/spelling.h"

/* Borrowed by the service for as long as it runs. */
struct ai {
    struct spelling *speller;
    struct outbox *outbox;
    struct lp_identities *identities;
    struct lp_streams *streams;     /* long answers */
    struct engine *grammar;         /* a second opinion; NULL: none */
    const char *dialect;            /* that it is asked about */
    struct transcriber transcriber; /* for audio */
    struct lp_db *jobs;             /* NULL: there are no jobs */
};
