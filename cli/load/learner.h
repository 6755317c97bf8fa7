/* cli/load/learner.h -- one learner: its values, its requests, and whether answers are right. */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "cli/load/scenario.h"

#define LEARNER_ANSWER                                                                           \
    (256 << 10)                    /* bytes of an answer that is looked into; others are dropped \
                                    */
#define LEARNER_KEEPS_BYTES 16384  /* of a value that is kept */
#define LEARNER_REQUEST_MS 60000   /* a request ends after that */
#define LEARNER_MAX_URL 16384      /* bytes of a URL, with its values */
#define LEARNER_MAX_BODY (1 << 20) /* bytes of a body, with its values */

/* What all learners of a run have. Strings are borrowed. */
struct learner_class {
    const char *url; /* of the gateway; without a slash at its end: `url_len` bytes */
    size_t url_len;
    const struct scenario *scenario;
    bool any_target;
    bool refused;    /* a connection to an address that is not private was not made */
    uint64_t random; /* state of what is random */
};

struct learner {
    struct learner_class *class;
    CURL *easy;
    struct curl_slist *headers;
    struct lp_buf url, body, answer;
    const char *values[TEMPLATE_VARIABLES]; /* of the lists and of `owned` */
    char *owned[TEMPLATE_VARIABLES];
    const struct scenario_step *step; /* of the request under way */
    int at;                           /* its number in the round; -1: the round has not begun */
    bool busy;                        /* a request is under way */
    bool thinks;                      /* waits before step `at` */
    uint64_t rounds;                  /* that it has begun */
    int64_t intended_ns;              /* when the request was meant to begin */
    int64_t free_ns;                  /* since when it has nothing to do */
};

/* How a request ended. */
struct learner_outcome {
    CURLcode code;
    int status;    /* of RFC 9110; 0: no answer */
    bool expected; /* it was answered with an expected status */
    bool good;     /* and with what the step asks for */
};

/* `number` counts from 0; `email` is its own already. */
void learner_init(struct learner *l, struct learner_class *class, uint32_t number,
                  const char *email, const char *password);
void learner_done(struct learner *l);

/* A round begins: its number, and new values out of the lists. */
void learner_begin_round(struct learner *l);

/* Makes the request of `step`; `easy` is then ready. False: it would be over a limit above. */
bool learner_prepare(struct learner *l, const struct scenario_step *step);

/* Looks at how the request of the step ended, and keeps what the step keeps of its answer. */
struct learner_outcome learner_look(struct learner *l, CURLcode code);

/* Gives `to` what `from` has kept. */
void learner_share(const struct learner *from, struct learner *to);
