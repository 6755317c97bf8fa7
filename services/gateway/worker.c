/* services/gateway/worker.c -- what others ask of a worker's loop. */
#include "services/gateway/worker.h"

#include <sys/eventfd.h>

void worker_sweep_at(struct worker *w, int64_t at)
{
    if (at < w->next_sweep)
        w->next_sweep = at;
}

void worker_wake(struct worker *w)
{
    eventfd_write(w->wake_fd, 1);
}
