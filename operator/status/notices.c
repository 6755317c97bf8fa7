/* operator/status/notices.c -- see the header. */
#include "operator/status/notices.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "json/json.h"
#include "kube/conditions.h"
#include "metrics/metrics.h"
#include "platform/preview.h"

#define ALL "all"

void notices_done(struct notices *n)
{
    lp_buf_done(&n->held);
    lp_buf_done(&n->kept);
    lp_buf_done(&n->pinned);
    lp_buf_done(&n->route.text);
    lp_buf_done(&n->monitored.text);
}

void notices_say(struct condition_notice *n, const char *status, const char *reason,
                 const char *sentence)
{
    if (!n->status) {
        n->status = status;
        n->reason = reason;
    }
    lp_buf_printf(&n->text, "%s%s", n->text.len > 0 ? "; " : "", sentence);
}

bool notices_plan_differs(const struct notices *n)
{
    return n->preview && preview_count(n->preview) > 0;
}

/* "all", "auth,progress" or "". */
static void paused_text(const struct platform *p, struct lp_buf *out)
{
    if (spec_is_paused(&p->spec)) {
        lp_buf_str(out, ALL);
        return;
    }
    spec_each_service(&p->spec, id) if (p->spec.services[id].paused)
        lp_buf_printf(out, "%s%s", out->len > 0 ? "," : "", spec_service(&p->spec, id).name);
}

static void set_paused(const struct platform *p, const struct conditions *c, json_t *status)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1024);

    paused_text(p, &text);
    if (text.len == 0)
        return;
    lp_json_set_str(status, "paused", text.ptr);
    if (spec_is_paused(&p->spec)) {
        conditions_set(
            c, "Paused", "True", "PlatformPaused",
            "spec.mode is Paused: nothing of this platform is written until it is Active");
        return;
    }
    lp_auto_free char *message = lp_sprintf(
        "spec.services.*.paused is true for %s: nothing of theirs is written until it is false",
        text.ptr);
    conditions_set(c, "Paused", "True", "ServicesPaused", message);
}

static void set_planned(const struct notices *n, const struct platform *p,
                        const struct conditions *c)
{
    if (!spec_is_plan(&p->spec))
        return;
    if (!n->preview) {
        conditions_set(c, "Planned", "Unknown", "DryRunFailed",
                       "the API server could not be asked yet, see Degraded");
        return;
    }
    lp_auto_free char *summary = preview_summary(n->preview);
    lp_auto_free char *message = lp_sprintf(
        "%s; see ConfigMap %s-" PLAN_SUFFIX ", spec.mode Active carries it out", summary, p->name);
    conditions_set(c, "Planned", "True", notices_plan_differs(n) ? "ChangesPending" : "NoChanges",
                   message);
}

static void set_upgrade_pending(const struct notices *n, const struct platform *p,
                                const struct conditions *c)
{
    char when[LP_CLOCK_TEXT] = "";

    if (n->held.len == 0)
        return;
    if (n->window_ms > 0)
        lp_clock_format(n->window_ms, 0, when);
    lp_auto_free char *message = lp_sprintf(
        "operator " LP_VERSION " would restart pods though the spec is the same: %s; waits for %s%s"
        "%skubectl annotate lp %s -n %s --overwrite " ANNOTATION_APPROVE "=" LP_VERSION,
        n->held.ptr, *when ? "the maintenance window at " : "", when, *when ? ", or " : "", p->name,
        p->ns);
    conditions_set(c, "UpgradePending", "True", "PodsWouldRestart", message);
}

void notices_set(const struct notices *n, const struct platform *p, const json_t *before,
                 const struct conditions *c, json_t *status)
{
    int64_t applied =
        n->applied ? p->generation : lp_json_int(0, before, "appliedGeneration", NULL);

    set_paused(p, c, status);
    set_planned(n, p, c);
    set_upgrade_pending(n, p, c);
    if (n->kept.len > 0)
        conditions_set(c, "DatabaseKept", "True", n->is_leaving ? "StillNeeded" : "VolumeKept",
                       n->kept.ptr);
    if (n->pinned.len > 0)
        conditions_set(c, "DatabasePinned", "True", "MajorChangeRefused", n->pinned.ptr);
    if (n->route.status)
        conditions_set(c, "RouteAccepted", n->route.status, n->route.reason, n->route.text.ptr);
    if (n->monitored.status)
        conditions_set(c, "Monitored", n->monitored.status, n->monitored.reason,
                       n->monitored.text.ptr);
    if (applied > 0)
        json_object_set_new(status, "appliedGeneration", json_integer(applied));
}

/* ---- metrics ---- */

static struct lp_metric_family *paused(void)
{
    return lp_metric_family(
        LP_METRIC_GAUGE, "lp_platform_paused",
        "1 where a service, or with \"all\" a whole LearningPlatform, is paused.",
        "namespace,platform,service", NULL, 0);
}

static struct lp_metric_family *pending(void)
{
    return lp_metric_family(
        LP_METRIC_GAUGE, "lp_platform_upgrade_pending",
        "1 where an upgrade of the operator waits because it would restart pods.",
        "namespace,platform", NULL, 0);
}

static bool names(const char *list, const char *name, size_t n)
{
    for (const char *at = list; at && *at; at += strspn(at, ",")) {
        size_t len = strcspn(at, ",");
        if (len == n && strncmp(at, name, n) == 0)
            return true;
        at += len;
    }
    return false;
}

/* 1 for all of `list`, none for what only `before` has. The family is announced in any case. */
static void publish_paused(const char *ns, const char *name, const char *before, const char *list)
{
    struct lp_metric_family *family = paused();

    for (const char *at = list; at && *at; at += strspn(at, ",")) {
        size_t n = strcspn(at, ",");
        lp_auto_free char *service = lp_strndup(at, n);
        lp_metric_set(lp_metric_with(family, ns, name, service), 1);
        at += n;
    }
    for (const char *at = before; at && *at; at += strspn(at, ",")) {
        size_t n = strcspn(at, ",");
        lp_auto_free char *service = lp_strndup(at, n);
        if (!names(list, at, n))
            lp_metric_remove(family, (const char *const[]){ ns, name, service });
        at += n;
    }
}

void notices_publish(const char *ns, const char *name, const json_t *before, const json_t *status)
{
    publish_paused(ns, name, lp_json_str(before, "paused", NULL),
                   lp_json_str(status, "paused", NULL));
    if (lp_kube_condition(status, "UpgradePending"))
        lp_metric_set(lp_metric_with(pending(), ns, name), 1);
    else
        lp_metric_remove(pending(), (const char *const[]){ ns, name });
}

void notices_forget(const char *ns, const char *name)
{
    const char *const values[] = { ns, name };

    lp_metric_remove_first(paused(), values, 2);
    lp_metric_remove(pending(), values);
}
