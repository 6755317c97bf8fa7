/* platform/alerts.c -- see the header. The source has marks: @SCOPE, (which platforms), @BUDGET
 * (the share of answers that may be errors), @ALLOWED and @GOAL (in %), @FAST(window) (the rate of
 * answers in time), @LATENCY, @UNLESS_TOLD(window,alert) (its cause was not told). */
#include "platform/alerts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "json/yaml.h"

#define TEXT_MAX 65536
#define RULES_MAX 262144
#define OPERATOR_GROUP "learning-platform-operator"
#define CAUSES "alertname=~\"ServiceDown|DatabaseDown\""
#define EVERYONE "platform" /* owner of what no other owns */

extern const char alerts_yaml[]; /* platform/alerts.yaml */

const int64_t alert_bounds_us[] = { 1000,   2500,   5000,    10000,   25000,   50000,    100000,
                                    250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000 };
const unsigned alert_n_bounds = LP_COUNT(alert_bounds_us);

struct writer {
    const struct alert_goals *goals;
    const char *ns, *platform;
    const char *by; /* labels that sums keep */
    struct lp_buf *out;
};

/* "99.95" as 50 of 100,000. */
static int64_t errors_of(const char *availability)
{
    char digits[4] = "000";
    const char *point = strchr(availability, '.');

    for (size_t i = 0; point && i < 3 && point[1 + i]; i++)
        digits[i] = point[1 + i];
    return 100000 - (1000 * strtoll(availability, NULL, 10) + strtoll(digits, NULL, 10));
}

static int64_t ms_of(const char *duration)
{
    int64_t n = strtoll(duration, NULL, 10);
    return strstr(duration, "ms") ? n : 1000 * n;
}

struct alert_goals alert_goals_of(const struct monitoring_spec *monitoring)
{
    return (struct alert_goals){
        .errors = errors_of(monitoring->availability ? monitoring->availability : "99.9"),
        .latency_ms = ms_of(monitoring->latency_p95 ? monitoring->latency_p95 : "500ms"),
    };
}

/* n / 10^digits, without zeros at its end. */
static void put_decimal(struct lp_buf *out, int64_t n, int digits)
{
    char text[32];
    int64_t unit = 1;

    for (int i = 0; i < digits; i++)
        unit *= 10;
    int len = snprintf(text, sizeof text, "%" PRId64 ".%0*" PRId64, n / unit, digits, n % unit);
    while (len > 0 && text[len - 1] == '0')
        len--;
    if (len > 0 && text[len - 1] == '.')
        len--;
    lp_buf_add(out, text, (size_t)len);
}

/* How the bound is written as label `le`: Prometheus 3 has 1 as 1.0. */
static void put_bound(struct lp_buf *out, int64_t us)
{
    bool whole = us % 1000000 == 0;

    lp_buf_str(out, whole ? "le=~\"" : "le=\"");
    put_decimal(out, us, 6);
    lp_buf_str(out, whole ? "([.]0)?\"" : "\"");
}

static void put_scope(const struct writer *w)
{
    if (w->ns)
        lp_buf_printf(w->out, "namespace=\"%s\",platform=\"%s\",", w->ns, w->platform);
}

static void put_rate(const struct writer *w, int64_t bound_us, const char *window, size_t n)
{
    lp_buf_printf(w->out, "sum by (%s) (rate(lp_request_seconds_bucket{", w->by);
    put_scope(w);
    lp_buf_str(w->out, "app=\"gateway\",");
    put_bound(w->out, bound_us);
    lp_buf_printf(w->out, "}[%.*s]))", (int)n, window);
}

/* Answers within the goal: those of a bucket, or evenly between two. */
static void put_fast(const struct writer *w, const char *window, size_t n)
{
    int64_t goal = 1000 * w->goals->latency_ms;
    unsigned i = 0;

    while (i + 1 < alert_n_bounds && alert_bounds_us[i] < goal)
        i++;
    if (i == 0 || alert_bounds_us[i] <= goal) {
        put_rate(w, alert_bounds_us[i], window, n);
        return;
    }
    int64_t low = alert_bounds_us[i - 1], high = alert_bounds_us[i];
    int64_t share = 1000 * (goal - low) / (high - low);
    put_decimal(w->out, 1000 - share, 3);
    lp_buf_str(w->out, " * ");
    put_rate(w, low, window, n);
    lp_buf_str(w->out, " + ");
    put_decimal(w->out, share, 3);
    lp_buf_str(w->out, " * ");
    put_rate(w, high, window, n);
}

static void put_latency(struct lp_buf *out, int64_t ms)
{
    if (ms % 1000 == 0)
        lp_buf_printf(out, "%" PRId64 " s", ms / 1000);
    else
        lp_buf_printf(out, "%" PRId64 " ms", ms);
}

/* True where `*at` begins with the mark, which is passed over then. */
static bool is_mark(const char **at, const char *mark)
{
    size_t n = strlen(mark);

    if (strncmp(*at, mark, n) != 0)
        return false;
    *at += n;
    return true;
}

/* "6m,LearnersSeeErrors": not where one of the alerts that name a cause was told so long ago, or is
 * about to be; but what is told stays told. */
static void put_unless_told(const struct writer *w, const char *args, size_t n)
{
    size_t window = strcspn(args, ",");

    lp_buf_str(w->out, "unless on (namespace, platform) ((max_over_time(ALERTS{");
    put_scope(w);
    lp_buf_printf(w->out, CAUSES ",alertstate=\"firing\"}[%.*s]) or ALERTS{", (int)window, args);
    put_scope(w);
    lp_buf_str(w->out, CAUSES "}) unless on (namespace, platform) ALERTS{");
    put_scope(w);
    lp_buf_printf(w->out, "alertname=\"%.*s\",alertstate=\"firing\"})", (int)(n - window - 1),
                  args + window + 1);
}

/* Writes what the mark at `at` stands for; gives what is behind it. */
static const char *put_mark(const struct writer *w, const char *at)
{
    int64_t errors = w->goals->errors;

    if (is_mark(&at, "@SCOPE,")) {
        put_scope(w);
    } else if (is_mark(&at, "@BUDGET")) {
        put_decimal(w->out, errors, 5);
    } else if (is_mark(&at, "@ALLOWED")) {
        put_decimal(w->out, errors, 3);
    } else if (is_mark(&at, "@GOAL")) {
        put_decimal(w->out, 100000 - errors, 3);
    } else if (is_mark(&at, "@LATENCY")) {
        put_latency(w->out, w->goals->latency_ms);
    } else if (is_mark(&at, "@UNLESS_TOLD(")) {
        size_t n = strcspn(at, ")");
        put_unless_told(w, at, n);
        at += n + 1;
    } else if (is_mark(&at, "@FAST(")) {
        size_t n = strcspn(at, ")");
        put_fast(w, at, n);
        at += n + 1;
    } else {
        lp_buf_char(w->out, *at++);
    }
    return at;
}

void alerts_within(const struct alert_goals *goals, const char *ns, const char *platform,
                   const char *by, const char *window, struct lp_buf *out)
{
    const struct writer w = {
        .goals = goals, .ns = ns, .platform = platform, .by = by, .out = out
    };
    put_fast(&w, window, strlen(window));
}

void alerts_write(const struct alert_goals *goals, const char *ns, const char *platform,
                  struct lp_buf *out)
{
    const struct writer w = {
        .goals = goals, .ns = ns, .platform = platform, .by = "namespace, platform", .out = out
    };

    for (const char *at = alerts_yaml; *at;) {
        size_t n = strcspn(at, "@");
        lp_buf_add(out, at, n);
        at += n;
        if (*at)
            at = put_mark(&w, at);
    }
}

/* ---- owners ---- */

static const char *owned(const json_t *owners, const char *app, const char *field)
{
    const char *own = lp_json_str(owners, app, field, NULL);
    return own ? own : lp_json_str(owners, EVERYONE, field, NULL);
}

/* `field` of whoever owns the alert. One about several services says it by a template of their
 * label app, as the services differ. The caller's; "" where nobody says it. */
static char *word_of(const json_t *owners, const char *app, const char *field, const char *fallback)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(TEXT_MAX);
    const char *rest = lp_json_str(owners, EVERYONE, field, NULL), *key;
    json_t *owner;

    if (app) {
        const char *word = owned(owners, app, field);
        return lp_strdup(word ? word : fallback);
    }
    json_object_foreach((json_t *)owners, key, owner)
    {
        const char *word = lp_json_str(owner, field, NULL);
        if (word && strcmp(key, EVERYONE) != 0)
            lp_buf_printf(&text, "{{ %sif eq $labels.app \"%s\" }}%s", text.len > 0 ? "else " : "",
                          key, word);
    }
    if (text.len == 0)
        return lp_strdup(rest ? rest : fallback);
    lp_buf_printf(&text, "{{ else }}%s{{ end }}", rest ? rest : fallback);
    return lp_strdup(text.ptr);
}

static void set_word(json_t *object, const char *key, char *word)
{
    if (*word)
        lp_json_set_str(object, key, word);
    free(word);
}

static void give_to_owner(json_t *rule, const json_t *owners)
{
    json_t *labels = json_object_get(rule, "labels");
    const char *app = lp_json_str(labels, "app", NULL);
    const char *severity = lp_json_str(labels, "severity", NULL);

    if (!json_object_get(rule, "alert"))
        return;
    if (severity && strcmp(severity, "page") == 0)
        set_word(labels, "severity", word_of(owners, app, "severity", "page"));
    set_word(labels, "team", word_of(owners, app, "team", ""));
    /* An annotation that is empty would be sent; where only some have a page, ours is the others'.
     */
    json_t *annotations = json_object_get(rule, "annotations");
    const char *ours = lp_json_str(annotations, "runbook", NULL);
    lp_auto_free char *page = word_of(owners, app, "runbook", ours ? ours : "");
    if (!ours || strcmp(page, ours) != 0)
        lp_json_set_str(annotations, "runbook_url", page);
}

/* The groups of the source, but for those that are, or are not, about the operator. */
static json_t *groups_of(const struct alert_goals *goals, const char *ns, const char *platform,
                         bool operators)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(RULES_MAX);
    json_auto_t *documents = NULL;
    struct lp_error err;
    const json_t *group;
    json_t *chosen = json_array();
    size_t i;

    alerts_write(goals, ns, platform, &text);
    if (lp_yaml_parse(text.ptr, text.len, text.max, "platform/alerts.yaml", &documents, &err) < 0)
        return chosen; /* a unit test reads it: the source is part of the program */
    json_array_foreach(json_object_get(json_array_get(documents, 0), "groups"), i, group)
    {
        const char *name = lp_json_str(group, "name", NULL);
        if (name && (strcmp(name, OPERATOR_GROUP) == 0) == operators)
            json_array_append_new(chosen, json_deep_copy(group));
    }
    return chosen;
}

json_t *alerts_groups(const struct monitoring_spec *monitoring, const char *ns,
                      const char *platform)
{
    const struct alert_goals goals = alert_goals_of(monitoring);
    json_t *groups = groups_of(&goals, ns, platform, false), *group, *rule;
    size_t i, k;

    json_array_foreach(groups, i, group)
        json_array_foreach(json_object_get(group, "rules"), k, rule)
            give_to_owner(rule, monitoring->owners);
    return groups;
}

json_t *alerts_operator_groups(void)
{
    static const struct monitoring_spec nothing = { .owners = NULL };
    const struct alert_goals goals = alert_goals_of(&nothing);

    return groups_of(&goals, NULL, NULL, true);
}
