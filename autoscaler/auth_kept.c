/*
 * What was decided about the last request of a connection. An HPA controller's requests come over
 * kept connections, the same few again and again: who asks and whether they may is then found out
 * by comparing bytes. Compared is all that the decision hangs on: the target, every header, and
 * whom to trust; it counts as long as the certificate and the right would in their caches.
 *
 * Threads: the event loop of the connection.
 */
#include <string.h>

#include "autoscaler/auth_parts.h"
#include "base/alloc.h"
#include "base/clock.h"

struct auth_kept {
    uint64_t trust_serial;
    int64_t until_ms;
    size_t len;
    char question[];
};

static bool add(struct auth_question *q, const char *text)
{
    size_t n = strlen(text) + 1;
    q->fits = q->fits && n <= sizeof q->text - q->len;
    if (q->fits) {
        memcpy(q->text + q->len, text, n);
        q->len += n;
    }
    return q->fits;
}

static bool add_header(const char *name, const char *value, void *user)
{
    return add(user, name) && add(user, value);
}

void auth_question(const struct lp_http_exchange *x, uint64_t trust_serial,
                   struct auth_question *ret_question)
{
    ret_question->trust_serial = trust_serial;
    ret_question->len = 0;
    ret_question->fits = true;
    if (add(ret_question, lp_http_target(x)))
        lp_http_each_header(x, add_header, ret_question);
}

bool auth_kept_allows(const struct lp_http_exchange *x, const struct auth_question *q)
{
    const struct auth_kept *k = lp_http_kept(x);
    return k && q->fits && k->trust_serial == q->trust_serial && k->len == q->len &&
           memcmp(k->question, q->text, q->len) == 0 && lp_clock_ms() < k->until_ms;
}

void auth_keep(struct lp_http_exchange *x, const struct auth_question *q, int64_t until_ms)
{
    if (!q->fits)
        return;
    struct auth_kept *k = lp_alloc(sizeof *k + q->len);
    k->trust_serial = q->trust_serial;
    k->until_ms = until_ms;
    k->len = q->len;
    memcpy(k->question, q->text, q->len);
    lp_http_keep(x, k, free);
}
