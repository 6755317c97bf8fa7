/* cli/check/rights.c -- what the operator and the caller may do, by access reviews. No state. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "cli/check/survey.h"
#include "cli/command/command.h"
#include "json/json.h"
#include "json/yaml.h"
#include "kube/kinds.h"

#define MOST_NAMESPACES 5 /* of WATCH_NAMESPACES that are asked about */
#define SHOWN 6           /* rights of a list that a message names */

extern const char operator_rules[], operator_own_rules[]; /* config/rbac/{platforms,own}.yaml */

static const struct lp_kube_kind survey_self_reviews = { .group = "authorization.k8s.io",
                                                         .version = "v1",
                                                         .kind = "SelfSubjectAccessReview",
                                                         .plural = "selfsubjectaccessreviews",
                                                         .cluster_scoped = true };

/* 1: it is allowed, 0: it is not, negative: that cannot be asked. `review` is of `kind`, with its
 * spec. */
static int survey_review(struct survey *s, const struct lp_kube_kind *kind, const json_t *review,
                         struct lp_error *err)
{
    json_auto_t *answer = NULL;

    int r = lp_kube_create(s->client, kind, review, &answer, err);
    return r < 0 ? r : lp_json_bool(false, answer, "status", "allowed", NULL);
}

/* A right, "pods/log" with its subresource; `ns` NULL: of the cluster. The caller's. */
static json_t *attributes(const char *verb, const char *group, const char *resource, const char *ns,
                          const char *name)
{
    const char *slash = strchr(resource, '/');
    lp_auto_free char *plain =
        slash ? lp_strndup(resource, (size_t)(slash - resource)) : lp_strdup(resource);

    return lp_json_make("{s:s, s:s, s:s, s:s*, s:s*, s:s*}", "verb", verb, "group", group,
                        "resource", plain, "subresource", slash ? slash + 1 : NULL, "namespace", ns,
                        "name", name);
}

/* What is missing: how many, and the first of them by name. */
struct lacking {
    struct lp_buf names;
    unsigned n, asked;
    int r; /* of the first question that could not be asked */
    struct lp_error err;
};

static void ask(struct survey *s, const char *account, const char *account_ns, json_t *what,
                struct lacking *l)
{
    const struct lp_kube_kind *kind =
        account ? &lp_kube_subject_access_reviews : &survey_self_reviews;
    json_auto_t *review =
        lp_json_make("{s:s, s:s, s:{s:O}}", "apiVersion", "authorization.k8s.io/v1", "kind",
                     kind->kind, "spec", "resourceAttributes", what);
    struct lp_error err;

    if (account) {
        lp_auto_free char *group = lp_sprintf("system:serviceaccounts:%s", account_ns);
        json_t *spec = json_object_get(review, "spec");
        lp_json_set_str(spec, "user", account);
        json_object_set_new(
            spec, "groups",
            lp_json_make("[s, s, s]", "system:serviceaccounts", group, "system:authenticated"));
    }
    if (l->r < 0)
        return;
    int r = survey_review(s, kind, review, &err);
    l->asked++;
    if (r < 0) {
        l->r = r;
        l->err = err;
    } else if (r == 0 && l->n++ < SHOWN) {
        const char *sub = lp_json_str(what, "subresource", NULL);
        const char *group = lp_json_str(what, "group", NULL);
        const char *ns = lp_json_str(what, "namespace", NULL);
        lp_buf_printf(&l->names, "%s%s %s%s%s%s%s%s%s", l->n > 1 ? ", " : "",
                      lp_json_str(what, "verb", NULL), lp_json_str(what, "resource", NULL),
                      sub ? "/" : "", sub ? sub : "", *group ? "." : "", group, ns ? " in " : "",
                      ns ? ns : "");
    }
}

/* One rule of a Role, as config/rbac/ has it, asked for in `ns`. */
static void ask_rule(struct survey *s, const char *account, const char *account_ns,
                     const json_t *rule, const char *ns, struct lacking *l)
{
    const json_t *resource, *verb;
    size_t i, k;

    json_array_foreach(json_object_get(rule, "resources"), i, resource)
        json_array_foreach(json_object_get(rule, "verbs"), k, verb)
    {
        json_auto_t *what = attributes(
            json_string_value(verb),
            json_string_value(json_array_get(json_object_get(rule, "apiGroups"), 0)),
            json_string_value(resource), ns,
            json_string_value(json_array_get(json_object_get(rule, "resourceNames"), 0)));
        ask(s, account, account_ns, what, l);
    }
}

/* Every rule of a file of config/rbac/. */
static void ask_file(struct survey *s, const char *account, const char *account_ns,
                     const char *yaml, const char *ns, struct lacking *l)
{
    json_auto_t *documents = NULL;
    const json_t *document, *rule;
    struct lp_error ignored;
    size_t i, k;

    if (lp_yaml_parse(yaml, strlen(yaml), LP_LIMIT_CONFIG_BYTES, "rules", &documents, &ignored) < 0)
        return; /* a unit test parses them */
    json_array_foreach(documents, i, document)
        json_array_foreach(json_object_get(document, "rules"), k, rule)
            ask_rule(s, account, account_ns, rule, ns, l);
}

static void tell_operator(struct survey *s, const char *account, const struct lacking *l)
{
    if (l->r < 0)
        findings_error(s->findings, "operator-rights", account, &l->err);
    else if (l->n > 0)
        findings_add(s->findings, FINDING_FAIL, "operator-rights",
                     "apply config/install.yaml (or config/install-namespaced.yaml) again",
                     "%s lacks %u of %u rights: %s%s", account, l->n, l->asked, l->names.ptr,
                     l->n > SHOWN ? ", ..." : "");
    else
        findings_add(s->findings, FINDING_OK, "operator-rights", NULL, "%s has its %u rights",
                     account, l->asked);
}

void survey_operator_rights(struct survey *s, const json_t *deployment)
{
    const char *ns = lp_json_str(deployment, "metadata", "namespace", NULL);
    const char *account =
        lp_json_str(deployment, "spec", "template", "spec", "serviceAccountName", NULL);
    const char *watched = operators_setting(deployment, "WATCH_NAMESPACES");
    struct lacking l = { .names = LP_BUF_INIT(1000) };
    lp_auto_free char *user =
        lp_sprintf("system:serviceaccount:%s:%s", ns, account ? account : "default");

    ask_file(s, user, ns, operator_own_rules, ns, &l);
    if (!*watched)
        ask_file(s, user, ns, operator_rules, NULL, &l);
    for (unsigned i = 0; *watched && i < MOST_NAMESPACES; i++) {
        size_t n = strcspn(watched, ",");
        lp_auto_free char *one = lp_strndup(watched, n);
        ask_file(s, user, ns, operator_rules, one, &l);
        watched += n + (watched[n] == ',');
    }
    tell_operator(s, user, &l);
    lp_buf_done(&l.names);
}

/* Each verb of "get list". */
static void ask_right(struct survey *s, const struct cli_right *right, struct lacking *l)
{
    for (const char *at = right->verbs; *at;) {
        size_t n = strcspn(at, " ");
        lp_auto_free char *verb = lp_strndup(at, n);
        json_auto_t *what =
            attributes(verb, right->group, right->resource, right->everywhere ? NULL : s->ns, NULL);
        ask(s, NULL, NULL, what, l);
        at += n + (at[n] == ' ');
    }
}

void survey_caller_rights(struct survey *s)
{
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        struct lacking l = { .names = LP_BUF_INIT(1000) };
        for (size_t i = 0; i < CLI_MAX_RIGHTS && c->rights[i].resource; i++)
            ask_right(s, &c->rights[i], &l);
        if (l.r < 0)
            findings_error(s->findings, "your-rights", c->name, &l.err);
        else if (l.n > 0)
            findings_add(s->findings, FINDING_WARN, "your-rights",
                         "ask an administrator, or bind learning-platform-viewer or -editor",
                         "for `kubectl lp %s` you lack: %s%s", c->name, l.names.ptr,
                         l.n > SHOWN ? ", ..." : "");
        else if (l.asked > 0)
            findings_add(s->findings, FINDING_OK, "your-rights", NULL, "for `kubectl lp %s`",
                         c->name);
        lp_buf_done(&l.names);
        if (l.r < 0)
            return;
    }
}

void survey_install_rights(struct survey *s)
{
    static const struct cli_right rights[] = {
        { "apiextensions.k8s.io", "customresourcedefinitions", "create patch", "", true },
        { "", "namespaces", "create", "", true },
        { "rbac.authorization.k8s.io", "clusterroles", "create escalate bind", "", true },
        { "rbac.authorization.k8s.io", "clusterrolebindings", "create", "", true },
        { "apps", "deployments", "create patch", "", true },
    };
    struct lacking l = { .names = LP_BUF_INIT(1000) };

    for (size_t i = 0; i < LP_COUNT(rights); i++)
        ask_right(s, &rights[i], &l);
    if (l.r < 0)
        findings_error(s->findings, "install-rights", "your rights", &l.err);
    else if (l.n > 0)
        findings_add(s->findings, FINDING_FAIL, "install-rights",
                     "have an administrator do it, or take config/install-namespaced.yaml, which "
                     "has nothing outside of one namespace",
                     "for config/install.yaml you lack: %s", l.names.ptr);
    else
        findings_add(s->findings, FINDING_OK, "install-rights", NULL, "for config/install.yaml");
    lp_buf_done(&l.names);
}
