/*
 * operator/status/status.c -- status and conditions. Ready is True only where every Deployment and
 * StatefulSet has rolled out its last change and enough pods answer: all of them, or, while an HPA
 * changes their number, at least minReplicas. No timestamps but the transitions': an idle platform
 * writes nothing. Pure.
 */
#include "operator/status/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "json/json.h"
#include "kube/conditions.h"
#include "operator/status/conditions.h"
#include "operator/status/floors.h"
#include "operator/status/notices.h"
#include "operator/status/scaling.h"
#include "platform/workload.h"

#define SCALED_TO_ZERO "ScaledToZero"

/* What the children say, added up. */
struct summary {
    int64_t ready, desired;
    bool ready_all, complete_all, databases_ready;
    char waiting[384];  /* first one that is not ready */
    char changing[384]; /* first one that is not complete */
    char stuck[768];
    char database[384]; /* first database that is not ready */
    char asleep[768]; /* services without pods as nobody asks anything of them: "progress, quiz" */
};

static const json_t *find(const struct status_input *in, enum child_kind kind, int service)
{
    for (unsigned i = 0; i < in->plan->n; i++)
        if (in->plan->children[i].kind == kind && in->plan->children[i].service == service)
            return in->observed->objects[i];
    return NULL;
}

static int64_t generation_of(const struct status_input *in, int service)
{
    for (unsigned i = 0; i < in->plan->n; i++)
        if (in->plan->children[i].kind == CHILD_DEPLOYMENT &&
            in->plan->children[i].service == service)
            return in->observed->generations[i];
    return 0;
}

const json_t *status_service(const json_t *status, const char *name)
{
    return lp_json_find(json_object_get(status, "services"), "name", name);
}

static void status_note_workload(char room[384], const char *object, const struct workload *w)
{
    if (!*room)
        workload_text(object, w, room);
}

static void add_workload(const struct status_input *in, struct summary *sum, enum child_kind kind,
                         const char *name, const struct workload *w)
{
    lp_auto_free char *object = lp_sprintf("%s %s", child_kinds[kind]->kind, name);
    lp_auto_free char *advice = workload_advice(
        w, kind == CHILD_STATEFUL_SET ? "statefulset" : "deployment", name, in->platform->ns);

    if (!w->available) {
        sum->ready_all = false;
        status_note_workload(sum->waiting, object, w);
        if (kind == CHILD_STATEFUL_SET)
            status_note_workload(sum->database, object, w);
    }
    if (!w->complete) {
        sum->complete_all = false;
        status_note_workload(sum->changing, object, w);
    }
    if (*w->stuck && !*sum->stuck)
        snprintf(sum->stuck, sizeof sum->stuck,
                 "%s: %s: it does not go on by itself: %s; looked at with every change", object,
                 w->stuck, advice);
}

/* Nobody asks anything of it, and its spec says that it then has no pods. */
static bool is_asleep(const struct status_input *in, enum service_id id)
{
    return platform_is_asleep(in->platform, id, find(in, CHILD_DEPLOYMENT, (int)id));
}

/* Somebody scaled it to 0; `rest` says what to do of it. */
static void scaled_down(const struct status_input *in, enum child_kind kind, const char *name,
                        const char *rest, struct workload *w, struct summary *sum)
{
    char text[sizeof sum->waiting];

    w->available = w->complete = false;
    w->field = NULL;
    snprintf(text, sizeof text,
             "%s %s: spec.replicas is 0, wanted at least 1: somebody scaled it down%s: kubectl "
             "scale %s/%s -n %s --replicas=1",
             child_kinds[kind]->kind, name, rest,
             kind == CHILD_STATEFUL_SET ? "statefulset" : "deployment", name, in->platform->ns);
    if (!*sum->waiting)
        snprintf(sum->waiting, sizeof sum->waiting, "%s", text);
    if (!*sum->changing)
        snprintf(sum->changing, sizeof sum->changing, "%s", text);
    if (kind == CHILD_STATEFUL_SET && !*sum->database)
        snprintf(sum->database, sizeof sum->database, "%s", text);
}

/* Somebody scaled it to 0: then its HPA does nothing any more (its condition ScalingDisabled), and
 * no learner is served. */
static void need_a_pod(const struct status_input *in, enum service_id id, const char *deployment,
                       struct workload *w, struct summary *sum)
{
    if (is_asleep(in, id)) {
        snprintf(sum->asleep + strlen(sum->asleep), sizeof sum->asleep - strlen(sum->asleep),
                 "%s%s", *sum->asleep ? ", " : "", spec_service(&in->platform->spec, id).name);
        return;
    }
    if (!w->exists || w->desired != 0 || in->platform->spec.services[id].replicas == 0)
        return;
    scaled_down(in, CHILD_DEPLOYMENT, deployment, ", and an HPA leaves 0 alone", w, sum);
}

static json_t *service_status(const struct status_input *in, enum service_id id,
                              struct summary *sum)
{
    const struct service_spec *s = &in->platform->spec.services[id];
    const char *name = spec_service(&in->platform->spec, id).name;
    const json_t *deployment = find(in, CHILD_DEPLOYMENT, (int)id);
    const json_t *before = status_service(in->before, name);
    const json_t *hpa = find(in, CHILD_HPA, (int)id);
    struct workload w;

    workload_read(deployment, s->autoscaling.enabled ? s->autoscaling.min : -1,
                  generation_of(in, (int)id), &w);
    lp_auto_free char *object = lp_sprintf("%s-%s", in->platform->name, name);
    need_a_pod(in, id, object, &w, sum);
    add_workload(in, sum, CHILD_DEPLOYMENT, object, &w);
    sum->ready += w.ready;
    sum->desired += w.desired;
    const json_t *container =
        json_array_get(lp_json_at(deployment, "spec", "template", "spec", "containers", NULL), 0);
    bool asleep = is_asleep(in, id);
    json_t *scaling = NULL;
    if (asleep)
        scaling = floors_asleep(&in->platform->spec.services[id], deployment);
    else if (s->autoscaling.enabled && !hpa)
        scaling = lp_json_make("{s:s}", "why", "no decision yet");
    else
        scaling =
            floors_explain(in->platform, in->calendar, id, hpa, json_object_get(before, "scaling"));
    json_t *o = lp_json_make("{s:s, s:I, s:I, s:o}", "name", name, "ready", (json_int_t)w.ready,
                             "desired", (json_int_t)w.desired, "scaling", scaling);
    lp_json_set_str(o, "image", lp_json_str(container, "image", NULL));
    if (s->paused)
        json_object_set_new(o, "paused", json_true());
    if (asleep)
        lp_json_set_str(o, "reason", SCALED_TO_ZERO);
    json_t *measured = in->figures && id < N_SERVICES ? figure_status(&in->figures->of[id]) : NULL;
    if (measured)
        json_object_set_new(o, "measured", measured);
    return o;
}

static void add_databases(const struct status_input *in, struct summary *sum)
{
    sum->databases_ready = true;
    if (in->stuck_pod && !*sum->stuck)
        snprintf(sum->stuck, sizeof sum->stuck, "%s", in->stuck_pod);
    for (unsigned i = 0; i < in->plan->n; i++) {
        const struct child *child = &in->plan->children[i];
        struct workload w;

        if (child->kind != CHILD_STATEFUL_SET || child->leaving)
            continue;
        workload_read(in->observed->objects[i], -1, in->observed->generations[i], &w);
        if (w.exists && w.desired == 0)
            scaled_down(in, child->kind, child->name, "", &w, sum);
        add_workload(in, sum, child->kind, child->name, &w);
        sum->databases_ready = sum->databases_ready && w.available;
    }
}

/* What comes next after a write that failed. Only RBAC says "User … cannot …"; a quota, a limit
 * range, the restricted profile and webhooks answer 403 too. The caller's. */
static char *after_failure(const struct status_input *in)
{
    const struct lp_error *failure = in->failure;

    if (failure->code == LP_E_INVALID)
        return lp_strdup("repair the spec; tried again when that changes");
    if (failure->http_status == 403 && strstr(failure->msg, "quota: "))
        return lp_sprintf("raise the quota or free some of it (kubectl describe quota -n %s); "
                          "tried again within 10 s",
                          in->platform->ns);
    if (failure->code == LP_E_DENIED && !strstr(failure->msg, " cannot "))
        return lp_strdup("a rule of the cluster is against it: change that rule, or what the spec "
                         "asks for; tried again within 5 min");
    if (failure->code == LP_E_DENIED)
        return lp_strdup("give the operator this right; tried again within 5 min");
    return lp_strdup(lp_error_is_transient(failure->code) ? "tried again within 10 s"
                                                          : "tried again within 5 min");
}

static void set_degraded(const struct conditions *c, const struct status_input *in,
                         const struct summary *sum)
{
    if (in->failure->code != 0) {
        lp_auto_free char *next = after_failure(in);
        lp_auto_free char *text =
            lp_sprintf("%s: %s: %s", in->failed_child, in->failure->msg, next);
        conditions_set(c, "Degraded", "True", "ApplyFailed", text);
    } else if (*sum->stuck) {
        conditions_set(c, "Degraded", "True", "RolloutStuck", sum->stuck);
    } else {
        conditions_set(c, "Degraded", "False", "AsExpected", "every object could be written");
    }
}

/* Only where there is or was one. */
static void set_field_conflict(const struct conditions *c, const struct status_input *in)
{
    const struct repair *r = in->conflict;
    char next[LP_CLOCK_TEXT];

    if (!r && in->rewritten) {
        lp_auto_free char *why = lp_sprintf("%s; an admission policy or webhook rewrites it, and "
                                            "it is left so: exempt objects with "
                                            "the label " LABEL_MANAGED_BY "=" MANAGER
                                            " there, or let the spec ask for that value",
                                            in->rewritten);
        conditions_set(c, "FieldConflict", "True", "RewrittenOnAdmission", why);
        return;
    }
    if (!r) {
        if (lp_kube_condition(in->before, "FieldConflict"))
            conditions_set(c, "FieldConflict", "False", "Held",
                           "every object is as it was applied");
        return;
    }
    lp_clock_format(r->due_wall_ms, 0, next);
    lp_auto_free char *text =
        *r->field ? lp_sprintf("%s: %s is %s, wanted %s; %s keeps taking it, it was put back %u "
                               "times: make that leave the field alone, or pause the service; the "
                               "next repair is at %s",
                               r->child, r->field, r->seen, r->wanted, r->manager, r->count, next)
                  : lp_sprintf("%s: is not there, wanted is that it is; somebody keeps deleting "
                               "it, it was made %u times: find out who, or pause the service; the "
                               "next repair is at %s",
                               r->child, r->count, next);
    conditions_set(c, "FieldConflict", "True", *r->field ? "TakenBack" : "Deleted", text);
}

static void set_scaling_active(const struct conditions *c, const struct status_input *in)
{
    unsigned scaled = 0, unknown = 0;

    spec_each_service(&in->platform->spec, id)
    {
        const char *reason, *message;
        if (!in->platform->spec.services[id].autoscaling.enabled)
            continue;
        scaled++;
        if (is_asleep(in, id))
            continue; /* its HPA waits for a pod */
        const char *state = scaling_active(find(in, CHILD_HPA, (int)id), &reason, &message);
        if (strcmp(state, "False") == 0 && reason && strcmp(reason, "ScalingDisabled") == 0 &&
            lp_json_int(0, find(in, CHILD_DEPLOYMENT, (int)id), "spec", "replicas", NULL) > 0)
            state = "Unknown"; /* from when it had no pods: its controller looks again soon */
        if (strcmp(state, "False") == 0) {
            lp_auto_free char *text =
                lp_sprintf("HorizontalPodAutoscaler %s-%s: ScalingActive is False, wanted True: "
                           "%s; its controller looks again every 15 s",
                           in->platform->name, spec_service(&in->platform->spec, id).name,
                           message ? message : "it gives no reason");
            conditions_set(c, "ScalingActive", "False", reason ? reason : "NotScaling", text);
            return;
        }
        unknown += strcmp(state, "True") != 0;
    }
    if (scaled == 0)
        conditions_set(c, "ScalingActive", "False", "Disabled",
                       "autoscaling is off for every service");
    else if (unknown > 0)
        conditions_set(c, "ScalingActive", "Unknown", "NoDecisionYet",
                       "the HPA controller has not looked at every service yet");
    else
        conditions_set(c, "ScalingActive", "True", "AsExpected",
                       "every HPA reads its metrics and decides");
}

static void set_databases_ready(const struct conditions *c, const struct status_input *in,
                                const struct summary *sum)
{
    bool embedded = false;

    for (unsigned id = 0; id < N_DATABASES; id++)
        embedded = embedded || platform_embeds(in->platform, (enum database_id)id);
    if (!embedded)
        conditions_set(c, "DatabasesReady", "True", "External",
                       "every database is external; the readiness of their services tells");
    else if (sum->databases_ready)
        conditions_set(c, "DatabasesReady", "True", "AsExpected",
                       "every embedded database answers");
    else
        conditions_set(c, "DatabasesReady", "False", "NotReady", sum->database);
}

/* Only where there is or was one. */
static void set_metrics_conflict(const struct conditions *c, const struct status_input *in)
{
    if (in->metrics_conflict)
        conditions_set(c, "MetricsAPIConflict", "True", "AnotherAdapter", in->metrics_conflict);
    else if (lp_kube_condition(in->before, "MetricsAPIConflict"))
        conditions_set(c, "MetricsAPIConflict", "False", "Resolved",
                       "the APIServices of custom.metrics.k8s.io lead to the operator");
}

/* Only where there is or was one. */
static void set_name_conflict(const struct conditions *c, const struct status_input *in)
{
    lp_auto_free char *more = in->name_conflicts > 1
                                  ? lp_sprintf(" (and %u more objects)", in->name_conflicts - 1)
                                  : lp_strdup("");
    lp_auto_free char *text =
        lp_sprintf("%s%s; looked at again within 30 s", in->name_conflict, more);

    if (in->name_conflicts > 0)
        conditions_set(c, "NameConflict", "True", "NotOurs", text);
    else if (lp_kube_condition(in->before, "NameConflict"))
        conditions_set(c, "NameConflict", "False", "Resolved",
                       "every object of the platform is its own");
}

/* Whether it goes on only when a person has done something. */
static bool is_stalled(const struct status_input *in, const struct summary *sum)
{
    int code = in->failure->code;

    return (code != 0 && !lp_error_is_transient(code)) || *sum->stuck || in->conflict ||
           in->name_conflicts > 0 || (in->notices && notices_plan_differs(in->notices));
}

static void set_ready(const struct conditions *c, const struct summary *sum)
{
    static const char all[] = "all services and databases run what the spec asks for";
    lp_auto_free char *text =
        lp_sprintf("%s; without pods until a request comes, as nobody asks anything of them: %s",
                   all, sum->asleep);

    if (*sum->asleep)
        conditions_set(c, "Ready", "True", SCALED_TO_ZERO, text);
    else
        conditions_set(c, "Ready", "True", "AsExpected", all);
}

static void set_conditions(const struct conditions *c, const struct status_input *in,
                           const struct summary *sum)
{
    bool failed = in->failure->code != 0;

    if (failed)
        conditions_set(c, "Ready", "False", "ApplyFailed",
                       "an object could not be written, see Degraded");
    else if (in->name_conflicts > 0)
        conditions_set(c, "Ready", "False", "NameConflict",
                       "an object has the name of one of the platform's and is not its own, see "
                       "NameConflict");
    else if (!sum->ready_all)
        conditions_set(c, "Ready", "False", *sum->stuck ? "RolloutStuck" : "PodsNotReady",
                       sum->waiting);
    else if (in->conflict)
        conditions_set(c, "Ready", "False", "FieldConflict",
                       "an object is not as the spec has it, see FieldConflict");
    else if (in->notices && notices_plan_differs(in->notices))
        conditions_set(
            c, "Ready", "False", "PlanPending",
            "spec.mode is Plan and what runs is not what the spec asks for, see Planned");
    else
        set_ready(c, sum);
    if (sum->complete_all)
        conditions_set(c, "Progressing", "False", "Complete", "nothing is changing");
    else
        conditions_set(c, "Progressing", "True", sum->ready_all ? "Scaling" : "RollingOut",
                       sum->changing);
    set_degraded(c, in, sum);
    set_scaling_active(c, in);
    set_databases_ready(c, in, sum);
    set_field_conflict(c, in);
    set_name_conflict(c, in);
    set_metrics_conflict(c, in);
    floors_set_unmeasured(in->calendar, c);
}

static const char *phase_of(const struct status_input *in, const struct summary *sum)
{
    if (!spec_is_active(&in->platform->spec))
        return spec_is_plan(&in->platform->spec) ? "Plan" : "Paused";
    if (in->failure->code != 0 || *sum->stuck || in->conflict || in->name_conflicts > 0)
        return "Degraded";
    if (!sum->ready_all)
        return "Progressing";
    return sum->complete_all ? "Ready" : "Scaling";
}

/* The column SCALING: the last change of a number of pods that was seen. */
static void set_last_scaling(json_t *status, const struct status_input *in)
{
    lp_json_set_str(status, "lastScaling", lp_json_str(in->before, "lastScaling", NULL));
    spec_each_service(&in->platform->spec, id)
    {
        const char *name = spec_service(&in->platform->spec, id).name;
        const char *why = lp_json_str(status_service(status, name), "scaling", "why", NULL);
        if (!why || !scaling_is_moving(find(in, CHILD_HPA, (int)id)))
            continue;
        lp_auto_free char *text = lp_sprintf("%s %.*s", name, (int)strcspn(why, ";"), why);
        lp_json_set_str(status, "lastScaling", text);
    }
}

json_t *status_build(const struct status_input *in)
{
    struct summary sum = { .ready_all = true, .complete_all = true };
    json_t *services = json_array(), *list = json_array();
    char replicas[48];
    struct conditions c = { list, in->before, in->platform->generation, in->now_ms };

    spec_each_service(&in->platform->spec, id)
        json_array_append_new(services, service_status(in, (enum service_id)id, &sum));
    add_databases(in, &sum);
    set_conditions(&c, in, &sum);
    snprintf(replicas, sizeof replicas, "%" PRId64 "/%" PRId64, sum.ready, sum.desired);
    json_t *status = lp_json_make("{s:I, s:s, s:s, s:o, s:o}", "observedGeneration",
                                  (json_int_t)in->platform->generation, "phase", phase_of(in, &sum),
                                  "replicas", replicas, "conditions", list, "services", services);
    set_last_scaling(status, in);
    floors_set_activations(in->calendar, status);
    if (in->notices)
        notices_set(in->notices, in->platform, in->before, &c, status);
    conditions_set_kstatus(&c, is_stalled(in, &sum));
    return status;
}

json_t *status_begin_from(const json_t *before, int64_t generation, const char *const *types)
{
    json_t *status = before ? json_deep_copy(before) : json_object();
    json_t *kept = json_array(), *c;
    size_t i;

    json_array_foreach(json_object_get(before, "conditions"), i, c)
    {
        const char *type = lp_json_str(c, "type", NULL);
        bool replaced = !type;
        for (const char *const *t = types; *t && type; t++)
            replaced = replaced || strcmp(*t, type) == 0;
        if (!replaced)
            json_array_append(kept, c);
    }
    json_object_set_new(status, "conditions", kept);
    json_object_set_new(status, "observedGeneration", json_integer(generation));
    return status;
}

json_t *status_new_generation(const json_t *before, int64_t generation, int64_t now_ms)
{
    static const char *const types[] = { "Ready", "Reconciling", "Stalled", NULL };
    json_t *status = status_begin_from(before, generation, types);
    struct conditions c = { json_object_get(status, "conditions"), before, generation, now_ms };

    conditions_set(&c, "Ready", "Unknown", "NewGeneration",
                   "the spec changed and is being carried out");
    conditions_set_kstatus(&c, false);
    lp_json_set_str(status, "phase", before ? "Progressing" : "Pending");
    return status;
}

json_t *status_invalid(const json_t *before, int64_t generation, const char *why, int64_t now_ms)
{
    static const char *const types[] = { "Ready",       "Degraded", "Progressing",
                                         "Reconciling", "Stalled",  NULL };
    json_t *status = status_begin_from(before, generation, types);
    struct conditions c = { json_object_get(status, "conditions"), before, generation, now_ms };

    conditions_set(&c, "Ready", "False", "InvalidSpec", why);
    conditions_set(&c, "Degraded", "True", "InvalidSpec", why);
    conditions_set(&c, "Progressing", "False", "InvalidSpec",
                   "nothing is written until the spec is repaired");
    conditions_set_kstatus(&c, true);
    lp_json_set_str(status, "phase", "Invalid");
    return status;
}
