/*
 * Threads: any.
 */
#include "autoscaler/chain/chain_target.h"

#include <string.h>

#include "base/alloc.h"

struct chain_target *chain_target_new(const struct chain_backend *b)
{
    struct chain_target *t = lp_alloc(sizeof *t);
    t->refs = 1;
    t->backend = (struct chain_backend){ lp_strdup(b->ns), lp_strdup(b->service), b->port,
                                         lp_strdup(b->ca_pem), b->insecure };
    return t;
}

struct chain_target *chain_target_ref(struct chain_target *t)
{
    atomic_fetch_add(&t->refs, 1);
    return t;
}

void chain_target_unref(struct chain_target *t)
{
    if (!t || atomic_fetch_sub(&t->refs, 1) != 1)
        return;
    chain_backend_done(&t->backend);
    free(t);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool chain_target_is(const struct chain_target *t, const struct chain_backend *b)
{
    const struct chain_backend *a = &t->backend;
    return same_text(a->ns, b->ns) && same_text(a->service, b->service) && a->port == b->port &&
           same_text(a->ca_pem, b->ca_pem) && a->insecure == b->insecure;
}
