/* lib/service/streams.c -- the readers of long answers, one entry for each, under a lock. */
#include "service/streams.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"

struct lp_streams {
    pthread_mutex_t lock;
    unsigned limit;
    char *readers[]; /* NULL: free */
};

struct lp_streams *lp_streams_new(unsigned limit)
{
    struct lp_streams *s = lp_alloc(sizeof *s + limit * sizeof s->readers[0]);
    s->limit = limit;
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void lp_streams_free(struct lp_streams *s)
{
    if (!s)
        return;
    for (unsigned i = 0; i < s->limit; i++)
        free(s->readers[i]);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

int lp_streams_enter(struct lp_streams *s, const char *reader, struct lp_error *err)
{
    unsigned mine = 0, at = s->limit;

    pthread_mutex_lock(&s->lock);
    for (unsigned i = 0; i < s->limit; i++) {
        if (!s->readers[i])
            at = i;
        else if (strcmp(s->readers[i], reader) == 0)
            mine++;
    }
    bool room = at < s->limit && mine < LP_STREAMS_PER_READER;
    if (room)
        s->readers[at] = lp_strdup(reader);
    pthread_mutex_unlock(&s->lock);
    if (mine >= LP_STREAMS_PER_READER)
        return lp_error_set(err, LP_E_CONFLICT, "you read %d long answers already",
                            LP_STREAMS_PER_READER);
    if (!room)
        return lp_error_set(err, LP_E_UNAVAILABLE, "%u long answers are being read already",
                            s->limit);
    return 0;
}

void lp_streams_leave(struct lp_streams *s, const char *reader)
{
    pthread_mutex_lock(&s->lock);
    for (unsigned i = 0; i < s->limit; i++) {
        if (s->readers[i] && strcmp(s->readers[i], reader) == 0) {
            free(s->readers[i]);
            s->readers[i] = NULL;
            break;
        }
    }
    pthread_mutex_unlock(&s->lock);
}
