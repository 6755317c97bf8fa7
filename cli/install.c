/* cli/install.c -- see the header. What config/generate does, without a checkout. No state. */
#include "cli/install.h"

#include <string.h>

#include "base/alloc.h"
#include "platform/scope.h"

#define SYSTEM "learning-platform-system"
#define MAX_REFERENCE 255 /* bytes of a registry or an image's reference */
#define MAX_TAG 128

/* crds/learningplatform.yaml, config/rbac/ and config/manager/. */
extern const char definition_yaml[], operator_rules[], operator_own_rules[];
extern const char rbac_serviceaccount[], rbac_metrics[], rbac_users[];
extern const char manager_namespace[], manager_service[], manager_availability[],
    manager_deployment[];

/* A line of the Deployment: what stands after its indentation begins with `line`, and is then that,
 * `between`, `value`, `after`. NULL of `value`: it stays. */
struct setting {
    const char *line, *between, *value, *after;
};

static bool is_made_of(const char *text, const char *allowed, size_t most)
{
    size_t n = strlen(text);
    return n > 0 && n <= most && strspn(text, allowed) == n;
}

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static bool is_reference(const char *text)
{
    return is_made_of(text, ALNUM "._:/@-", MAX_REFERENCE) && !strchr("._:/@-", text[0]) &&
           !strchr("._:/@-", text[strlen(text) - 1]);
}

static bool is_tag(const char *text)
{
    return is_made_of(text, ALNUM "._-", MAX_TAG) && text[0] != '.' && text[0] != '-';
}

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

static int wanted(const char *option, const char *value, const char *what, struct lp_error *err)
{
    return lp_error_set(err, LP_E_INVALID, "%s: must be %s, is \"%.64s\"", option, what, value);
}

static int check_images(const struct cli_options *o, struct lp_error *err)
{
    static const char *const policies[] = { "Always", "IfNotPresent", "Never", NULL };
    static const char *const booleans[] = { "true", "false", NULL };
    static const char reference[] = "a reference such as registry.example.org/english, without a "
                                    "slash at its end, of at most 255 bytes";

    if (o->registry && !is_reference(o->registry))
        return wanted("--registry", o->registry, reference, err);
    if (o->tag && !is_tag(o->tag))
        return wanted("--tag", o->tag, "a tag such as v0.1.0, of at most 128 bytes", err);
    if (o->pull_policy && !is_one_of(o->pull_policy, policies))
        return wanted("--pull-policy", o->pull_policy, "Always, IfNotPresent or Never", err);
    if (o->postgres_image && !is_reference(o->postgres_image))
        return wanted("--postgres-image", o->postgres_image, reference, err);
    if (o->mongo_image && !is_reference(o->mongo_image))
        return wanted("--mongo-image", o->mongo_image, reference, err);
    if (o->mongodb_auth && !is_one_of(o->mongodb_auth, booleans))
        return wanted("--mongodb-auth", o->mongodb_auth, "true or false", err);
    return 0;
}

static int check(const struct cli_options *o, struct lp_error *err)
{
    static const char *const modes[] = { "Own", "Chain", "None", NULL };
    static const char small[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

    int r = check_images(o, err);
    if (r < 0)
        return r;
    if (o->ns &&
        (!is_made_of(o->ns, small, 63) || *o->ns == '-' || o->ns[strlen(o->ns) - 1] == '-'))
        return wanted("--namespace", o->ns, "the name of a namespace", err);
    if (o->watch_namespaces && !*o->watch_namespaces)
        return wanted("--watch-namespaces", "", "names of namespaces with commas between them",
                      err);
    if (o->metrics_api && !is_one_of(o->metrics_api, modes))
        return wanted("--metrics-api", o->metrics_api, "Own, Chain or None", err);
    if (o->watch_namespaces && o->metrics_api && strcmp(o->metrics_api, "None") != 0)
        return wanted(
            "--metrics-api", o->metrics_api,
            "None with --watch-namespaces, as that operator has no rights for APIServices", err);
    return 0;
}

static const char *or_else(const char *value, const char *otherwise)
{
    return value ? value : otherwise;
}

/* Appends `text` with `to` for each `from`. */
static void add_with(struct lp_buf *out, const char *text, const char *from, const char *to)
{
    size_t n = strlen(from);

    for (const char *at; (at = strstr(text, from)); text = at + n) {
        lp_buf_add(out, text, (size_t)(at - text));
        lp_buf_str(out, to);
    }
    lp_buf_str(out, text);
}

static void add_part(struct lp_buf *out, const char *text, const char *ns)
{
    lp_buf_str(out, "---\n");
    add_with(out, text, SYSTEM, ns);
}

/* A ClusterRole and its binding as a Role of `in`. */
static void add_role_in(struct lp_buf *out, const char *in, const char *ns)
{
    lp_auto_buf struct lp_buf roles = LP_BUF_INIT(1 << 20);

    lp_buf_str(out, "---\n");
    add_with(&roles, operator_rules, "kind: ClusterRole", "kind: Role");
    for (const char *line = roles.ptr; *line;) {
        size_t n = strcspn(line, "\n");
        lp_auto_free char *copy = lp_strndup(line, n);
        add_with(out, copy, SYSTEM, ns);
        lp_buf_char(out, '\n');
        if (strncmp(line, "  name: ", strlen("  name: ")) == 0)
            lp_buf_printf(out, "  namespace: %s\n", in);
        line += n + (line[n] == '\n');
    }
}

static void add_setting(struct lp_buf *out, const char *line, size_t n, size_t indent,
                        const struct setting *s)
{
    if (!s || !s->value) {
        lp_buf_add(out, line, n);
    } else {
        lp_buf_add(out, line, indent);
        lp_buf_printf(out, "%s%s%s%s", s->line, s->between, s->value, s->after);
    }
    lp_buf_char(out, '\n');
}

static void add_deployment(struct lp_buf *out, const char *ns, const struct setting *settings)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 20);

    lp_buf_str(out, "---\n");
    add_with(&text, manager_deployment, SYSTEM, ns);
    for (const char *line = text.ptr; *line;) {
        size_t n = strcspn(line, "\n"), indent = strspn(line, " -");
        const struct setting *s = settings;
        while (s->line && strncmp(line + indent, s->line, strlen(s->line)) != 0)
            s++;
        add_setting(out, line, n, indent, s->line ? s : NULL);
        line += n + (line[n] == '\n');
    }
}

static void add_operator(struct lp_buf *out, const struct cli_options *o, const char *ns)
{
    const char *registry = or_else(o->registry, "learning-platform");
    const char *tag = or_else(o->tag, LP_VERSION), *none = o->watch_namespaces ? "None" : NULL;
    const char *metrics =
        o->metrics_api && strcmp(o->metrics_api, "Own") != 0 ? o->metrics_api : none;
    lp_auto_free char *image = lp_sprintf("%s/lp-operator:%s", registry, tag);
    const char *value = ", value: \"", *end = "\"}";
    const struct setting settings[] = {
        { "image: ", "", image, "" },
        { "imagePullPolicy: ", "", or_else(o->pull_policy, "IfNotPresent"), "" },
        { "{name: LP_IMAGE_REGISTRY", value, registry, end },
        { "{name: LP_IMAGE_TAG", value, tag, end },
        { "{name: LP_IMAGE_PULL_POLICY", value, o->pull_policy, end },
        { "{name: LP_POSTGRES_IMAGE", value, o->postgres_image, end },
        { "{name: LP_MONGO_IMAGE", value, o->mongo_image, end },
        { "{name: LP_MONGODB_AUTH", value, o->mongodb_auth, end },
        { "{name: WATCH_NAMESPACES", value, o->watch_namespaces, end },
        { "{name: CLASS", value, o->class_name, end },
        { "{name: ADAPTER", value, o->watch_namespaces ? "false" : NULL, end },
        { "{name: METRICS_API", value, metrics, end },
        { NULL, NULL, NULL, NULL },
    };
    add_deployment(out, ns, settings);
}

static void add_cluster(struct lp_buf *out, const struct cli_options *o, const char *ns)
{
    const char *const roles[] = { rbac_serviceaccount, operator_rules, operator_own_rules,
                                  rbac_metrics, rbac_users };

    add_part(out, manager_namespace, ns);
    add_part(out, definition_yaml, ns);
    for (size_t i = 0; i < LP_COUNT(roles); i++)
        add_part(out, roles[i], ns);
    add_part(out, manager_service, ns);
    add_part(out, manager_availability, ns);
    add_operator(out, o, ns);
}

static void add_namespaced(struct lp_buf *out, const struct cli_options *o, const char *ns,
                           const struct scope *scope)
{
    lp_buf_printf(out,
                  "# Nothing in here is outside of %s and %s. Once per cluster, by its "
                  "administrator:\n# kubectl lp install definition | kubectl apply -f -\n",
                  ns, o->watch_namespaces);
    add_part(out, rbac_serviceaccount, ns);
    add_part(out, operator_own_rules, ns);
    for (unsigned i = 0; i < scope->n; i++)
        add_role_in(out, scope->namespaces[i], ns);
    add_part(out, manager_availability, ns);
    add_operator(out, o, ns);
}

int install_write(const struct cli_options *options, struct lp_buf *out, struct lp_error *err)
{
    const struct cli_options *o = options;
    const char *ns = or_else(o->ns, SYSTEM);
    struct scope scope = { 0 };

    int r = check(o, err);
    if (r == 0)
        r = scope_parse(or_else(o->watch_namespaces, ""), "", or_else(o->class_name, ""), &scope,
                        err);
    if (r < 0)
        return r;
    lp_buf_printf(out, "# Made by kubectl lp install %s, " LP_VERSION ".\n", o->name);
    if (strcmp(o->name, "definition") == 0) {
        add_part(out, definition_yaml, ns);
        add_part(out, rbac_users, ns);
    } else if (o->watch_namespaces) {
        add_namespaced(out, o, ns, &scope);
    } else {
        add_cluster(out, o, ns);
    }
    scope_done(&scope);
    return 0;
}
