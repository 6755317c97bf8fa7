/*
 * What was decided about the last request of a connection that its certificate speaks for. An HPA
 * controller's requests come over kept connections, the same few again and again: who asks and
 * whether they may is then found out by comparing bytes. Compared is all that the decision hangs
 * on: the target, the headers that say for whom a front proxy asks, and whom to trust; it counts as
 * long as the certificate and the right would in their caches.
 *
 * Threads: the event loop of the connection.
 */
#include <string.h>
#include <strings.h>

#include "autoscaler/auth/auth_parts.h"
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

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcasecmp(name, *names) == 0)
            return true;
    return false;
}

static bool begins_with_one_of(const char *name, const char *const *prefixes)
{
    for (; *prefixes; prefixes++)
        if (strncasecmp(name, *prefixes, strlen(*prefixes)) == 0)
            return true;
    return false;
}

struct collector {
    const struct trust *trust;
    struct auth_question *question;
};

static bool add_header(const char *name, const char *value, void *user)
{
    const struct collector *c = user;
    bool counts = is_one_of(name, trust_user_headers(c->trust)) ||
                  is_one_of(name, trust_group_headers(c->trust)) ||
                  is_one_of(name, trust_uid_headers(c->trust)) ||
                  begins_with_one_of(name, trust_extra_prefixes(c->trust));
    return !counts || (add(c->question, name) && add(c->question, value));
}

void auth_question(const struct lp_http_exchange *x, const struct trust *t, uint64_t trust_serial,
                   struct auth_question *ret_question)
{
    struct collector c = { t, ret_question };
    ret_question->trust_serial = trust_serial;
    ret_question->len = 0;
    ret_question->fits = t != NULL;
    if (t && add(ret_question, lp_http_target(x)))
        lp_http_each_header(x, add_header, &c);
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
