/* services/ai-feedback/score_sender.c -- see score_sender.h. A score whose sender ended is due
 * again when its lease is over; one that was sent and not yet deleted is sent again under its key.
 */
#include "services/ai-feedback/score_sender.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "services/ai-feedback/jobs/job_scores.h"
#include "work/backoff.h"

#define IDLE_MS 2000 /* between two looks where none waits */

struct score_sender {
    struct lp_db *db;
    struct outbox *outbox;
    struct lp_stop *stop;
    pthread_t thread;
};

/* LP_E_NOT_FOUND: none waits; another negative result: try again later. */
static int send_one(struct score_sender *s, struct lp_error *err)
{
    struct job_score_due due = { .activity = NULL };
    int r = job_scores_take(s->db, &due, err);

    if (r < 0)
        return r;
    if (outbox_deliver(s->outbox, due.id, due.activity))
        r = job_scores_done(s->db, due.id, err);
    else
        r = lp_error_set(err, LP_E_UNAVAILABLE, "the progress service did not take it");
    free(due.activity);
    return r;
}

static void *run(void *user)
{
    struct score_sender *s = user;
    struct lp_backoff backoff = { .base_ms = 1000, .max_ms = 30000 };
    struct lp_error err;

    while (!lp_stop_requested(s->stop)) {
        int r = send_one(s, &err);
        if (r == 0 || r == LP_E_NOT_FOUND)
            lp_backoff_reset(&backoff);
        else
            lp_log_debug("a job's score is not delivered yet", "why", err.msg);
        if (r < 0)
            lp_stop_wait(s->stop, r == LP_E_NOT_FOUND ? IDLE_MS : lp_backoff_next(&backoff));
    }
    return NULL;
}

int score_sender_new(struct lp_db *db, struct outbox *outbox, struct lp_stop *stop,
                     struct score_sender **ret_sender, struct lp_error *err)
{
    struct score_sender *s = lp_alloc(sizeof *s);

    *s = (struct score_sender){ .db = db, .outbox = outbox, .stop = stop };
    if (pthread_create(&s->thread, NULL, run, s) != 0) {
        free(s);
        return lp_error_set(err, LP_E_INTERNAL, "cannot start the thread of scores");
    }
    pthread_setname_np(s->thread, "ai-scores");
    *ret_sender = s;
    return 0;
}

void score_sender_free(struct score_sender *s)
{
    if (!s)
        return;
    pthread_join(s->thread, NULL);
    free(s);
}
