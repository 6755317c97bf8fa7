/* lib/work/breaker.c -- three states and a window of counts. */
#include "work/breaker.h"

#define IN_A_ROW 5
#define WINDOW_MS 10000
#define WINDOW_MIN 20
#define OPEN_MS 2000
#define OPEN_MAX_MS 30000
#define PROBES 2

static void open_it(struct lp_breaker *b, int64_t now)
{
    int64_t wait = OPEN_MS;

    for (unsigned i = 0; i < b->opened && wait < OPEN_MAX_MS; i++)
        wait *= 2;
    *b = (struct lp_breaker){
        .state = LP_BREAKER_OPEN,
        .opened = b->opened + 1,
        .open_until = now + (wait < OPEN_MAX_MS ? wait : OPEN_MAX_MS),
    };
}

bool lp_breaker_admits(struct lp_breaker *b, int64_t now)
{
    if (b->state == LP_BREAKER_CLOSED)
        return true;
    if (b->state == LP_BREAKER_OPEN) {
        if (now < b->open_until)
            return false;
        b->state = LP_BREAKER_HALF_OPEN;
        b->in_a_row = 0;
    }
    if (b->probing)
        return false;
    b->probing = true;
    return true;
}

static void result_closed(struct lp_breaker *b, bool ok, int64_t now)
{
    if (now - b->window_start >= WINDOW_MS) {
        b->window_start = now;
        b->good = b->bad = 0;
    }
    if (ok) {
        b->good++;
        b->in_a_row = 0;
        return;
    }
    b->bad++;
    b->in_a_row++;
    if (b->in_a_row >= IN_A_ROW || (b->good + b->bad >= WINDOW_MIN && b->bad >= b->good))
        open_it(b, now);
}

void lp_breaker_result(struct lp_breaker *b, bool ok, int64_t now)
{
    if (b->state == LP_BREAKER_CLOSED) {
        result_closed(b, ok, now);
    } else if (b->state == LP_BREAKER_HALF_OPEN) {
        b->probing = false;
        if (!ok)
            open_it(b, now);
        else if (++b->in_a_row >= PROBES)
            *b = (struct lp_breaker){ .window_start = now };
    }
}

void lp_breaker_forget(struct lp_breaker *b)
{
    b->probing = false;
}

int64_t lp_breaker_wait(const struct lp_breaker *b, int64_t now)
{
    return b->state == LP_BREAKER_OPEN && b->open_until > now ? b->open_until - now : 0;
}
