/*
 * autoscaler/samples/samples_targets.c -- the table of pods for a Prometheus that finds them by us,
 * and so needs no right to look for them.
 *
 * Threads: takes the one lock.
 */
#include <string.h>

#include "autoscaler/samples/samples_parts.h"
#include "base/alloc.h"
#include "json/json.h"

static json_t *target_of(const struct pod *p, uint16_t port)
{
    const char *platform = lp_labels_get(p->labels, "app.kubernetes.io/part-of");
    const char *app = lp_labels_get(p->labels, "app.kubernetes.io/name");
    lp_auto_free char *ns = lp_strndup(p->key, strcspn(p->key, "/"));
    lp_auto_free char *address =
        strchr(p->ip, ':') ? lp_sprintf("[%s]:%u", p->ip, port) : lp_sprintf("%s:%u", p->ip, port);

    return lp_json_make("{s:[s], s:{s:s, s:s*, s:s*, s:s}}", "targets", address, "labels",
                        "namespace", ns, "platform", platform, "app", app, "pod", p->name);
}

bool samples_targets(struct samples *s, uint16_t port, struct lp_buf *out)
{
    bool first = true;

    lp_buf_char(out, '[');
    pthread_mutex_lock(&s->lock);
    bool known = s->synced;
    for (unsigned i = 0; i < s->n_slots; i++) {
        const struct pod *p = s->slots[i];
        if (!p || p->revision == 0 || !p->has_page || !*p->ip)
            continue;
        json_auto_t *target = target_of(p, port);
        lp_buf_str(out, first ? "" : ",");
        lp_json_write_unsorted(target, out);
        first = false;
    }
    pthread_mutex_unlock(&s->lock);
    lp_buf_char(out, ']');
    return known;
}
