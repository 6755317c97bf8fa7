/* services/gateway/breaker.c -- three states and a window of counts. */
#include "services/gateway/breaker.h"

#define IN_A_ROW 5
#define WINDOW_MS 10000
#define WINDOW_MIN 20
#define OPEN_MS 2000
#define OPEN_MAX_MS 30000
#define PROBES 2

static void open_it(struct breaker *b, int64_t now)
{
    int64_t wait = OPEN_MS;

    for (unsigned i = 0; i < b->opened && wait < OPEN_MAX_MS; i++)
        wait *= 2;
    *b = (struct breaker){
        .state = BREAKER_OPEN,
        .opened = b->opened + 1,
        .open_until = now + (wait < OPEN_MAX_MS ? wait : OPEN_MAX_MS),
    };
}

bool breaker_admits(struct breaker *b, int64_t now)
{
    if (b->state == BREAKER_CLOSED)
        return true;
    if (b->state == BREAKER_OPEN) {
        if (now < b->open_until)
            return false;
        b->state = BREAKER_HALF_OPEN;
        b->in_a_row = 0;
    }
    if (b->probing)
        return false;
    b->probing = true;
    return true;
}

static void result_closed(struct breaker *b, bool ok, int64_t now)
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

void breaker_result(struct breaker *b, bool ok, int64_t now)
{
    if (b->state == BREAKER_CLOSED) {
        result_closed(b, ok, now);
    } else if (b->state == BREAKER_HALF_OPEN) {
        b->probing = false;
        if (!ok)
            open_it(b, now);
        else if (++b->in_a_row >= PROBES)
            *b = (struct breaker){ .window_start = now };
    }
}

void breaker_forget(struct breaker *b)
{
    b->probing = false;
}

int64_t breaker_wait(const struct breaker *b, int64_t now)
{
    return b->state == BREAKER_OPEN && b->open_until > now ? b->open_until - now : 0;
}
