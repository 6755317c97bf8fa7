/* services/gateway/outliers.c -- a short list; most of the time it is empty. */
#include "services/gateway/outliers.h"

#include <string.h>

#define IN_A_ROW 3
#define OUT_MS 2000
#define OUT_MAX_MS 30000

bool outliers_same(const union endpoint *a, const union endpoint *b)
{
    /* All bytes of an endpoint are set, those between its members to 0. */
    return memcmp(a, b, sizeof *a) == 0; // NOLINT(bugprone-suspicious-memory-comparison)
}

static int find(const struct outliers *o, const union endpoint *a)
{
    for (int i = 0; o->n > 0 && i < ENDPOINTS_MAX; i++) {
        if (o->list[i].in_a_row > 0 && outliers_same(&o->list[i].address, a))
            return i;
    }
    return -1;
}

static bool is_one_of(const struct endpoint_list *all, const union endpoint *a)
{
    for (unsigned i = 0; i < all->n; i++) {
        if (outliers_same(&all->list[i], a))
            return true;
    }
    return false;
}

/* Addresses that the upstream has no more leave room for its new ones, and are none of the half
 * that may be left alone. */
static void forget_gone(struct outliers *o, const struct endpoint_list *all)
{
    for (unsigned i = 0; i < ENDPOINTS_MAX; i++) {
        if (o->list[i].in_a_row > 0 && !is_one_of(all, &o->list[i].address)) {
            o->list[i] = (struct outlier){ .in_a_row = 0 };
            o->n--;
        }
    }
}

/* Those that are gone have left, so that there is room: no more than ENDPOINTS_MAX are in `all`.
 * NULL where `a` is none of them. */
static struct outlier *entry(struct outliers *o, const union endpoint *a,
                             const struct endpoint_list *all)
{
    int at = find(o, a);

    if (at >= 0)
        return &o->list[at];
    if (!is_one_of(all, a))
        return NULL;
    for (at = 0; o->list[at].in_a_row > 0;)
        at++;
    o->list[at] = (struct outlier){ .address = *a };
    o->n++;
    return &o->list[at];
}

/* How many others are left alone now. */
static unsigned others_out(const struct outliers *o, const union endpoint *a, int64_t now)
{
    unsigned out = 0;

    for (unsigned i = 0; i < ENDPOINTS_MAX; i++)
        out += o->list[i].in_a_row > 0 && o->list[i].until > now &&
               !outliers_same(&o->list[i].address, a);
    return out;
}

int64_t outliers_failed(struct outliers *o, const union endpoint *a, enum outlier_failure what,
                        const struct endpoint_list *all, int64_t now)
{
    int64_t wait = OUT_MS;

    forget_gone(o, all);
    struct outlier *e = entry(o, a, all);
    if (!e)
        return 0;
    e->in_a_row += e->in_a_row < IN_A_ROW;
    if (e->until > now && !e->tried)
        return 0; /* a request that was on its way already */
    unsigned out = others_out(o, a, now) + 1;
    if (what == OUTLIER_UNANSWERED && (e->in_a_row < IN_A_ROW || out * 2 > all->n)) {
        outliers_untold(o, a, now); /* it is not left alone, nor for its trial any longer */
        return 0;
    }
    e->in_a_row = IN_A_ROW;
    for (unsigned i = 0; i < e->times && wait < OUT_MAX_MS; i++)
        wait *= 2;
    wait = wait < OUT_MAX_MS ? wait : OUT_MAX_MS;
    e->times++;
    e->tried = false;
    e->until = now + wait;
    return out < all->n ? wait : 0;
}

void outliers_answered(struct outliers *o, const union endpoint *a)
{
    int at = find(o, a);

    if (at < 0)
        return;
    o->list[at] = (struct outlier){ .in_a_row = 0 };
    o->n--;
}

bool outliers_asked(struct outliers *o, const union endpoint *a, int64_t now)
{
    int at = find(o, a);

    if (at < 0 || o->list[at].times == 0 || o->list[at].until > now)
        return false;
    o->list[at].tried = true;
    o->list[at].until = now + OUT_MAX_MS;
    return true;
}

void outliers_untold(struct outliers *o, const union endpoint *a, int64_t now)
{
    int at = find(o, a);

    if (at < 0 || !o->list[at].tried)
        return;
    o->list[at].tried = false;
    o->list[at].until = now;
}

bool outliers_is_out(const struct outliers *o, const union endpoint *a, int64_t now)
{
    int at = find(o, a);

    return at >= 0 && o->list[at].until > now;
}
