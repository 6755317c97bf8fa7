/* platform/spec_extra.c -- see the header. The CRD says the same by CEL. */
#include "platform/spec_extra.h"

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"

static bool is_among(const char *text, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(text, list[i]) == 0)
            return true;
    return false;
}

/* Lower-case letters and digits, between them also `more`. */
static bool is_word(const char *text, const char *more)
{
    size_t n = strlen(text);

    for (size_t i = 0; i < n; i++) {
        bool plain = islower((unsigned char)text[i]) || isdigit((unsigned char)text[i]);
        if (!plain && (i == 0 || i == n - 1 || !strchr(more, text[i])))
            return false;
    }
    return n > 0;
}

/* Names of children and Secrets of ours, and what the gateway calls its own routes. */
static int check_name(const char *name, const char *path, struct lp_error *err)
{
    static const char *const ours[] = { "gateway",   "auth",     "ai-feedback", "ai-worker",
                                        "ai",        "progress", "postgres",    "mongodb",
                                        "jwt",       "signing",  "plan",        "decisions",
                                        "other",     "learning", "learning-db", "ai-jobs",
                                        "monitoring" };

    if (!is_word(name, "-") || isdigit((unsigned char)name[0]))
        return lp_error_set(err, LP_E_INVALID,
                            "%s.name: must be lower-case letters, digits and dashes and begin with "
                            "a letter, is \"%.64s\"",
                            path, name);
    if (is_among(name, ours, LP_COUNT(ours)) || strncmp(name, "caller-", 7) == 0)
        return lp_error_set(err, LP_E_INVALID,
                            "%s.name: must not be one that the platform has itself, is \"%.64s\"",
                            path, name);
    return 0;
}

static int check_path(const char *route, const char *path, struct lp_error *err)
{
    static const char *const ours[] = { "/auth", "/ai", "/progress", "/health", "/learning" };

    if (route[0] != '/' || !is_word(route + 1, "-_"))
        return lp_error_set(err, LP_E_INVALID,
                            "%s.path: must be one segment of lower-case letters, digits, - and _ "
                            "such as /quiz, is \"%.64s\"",
                            path, route);
    if (is_among(route, ours, LP_COUNT(ours)))
        return lp_error_set(err, LP_E_INVALID,
                            "%s.path: must not be one that the platform has itself, is \"%.64s\"",
                            path, route);
    return 0;
}

static int check_twins(const struct platform_spec *spec, unsigned i, const char *path,
                       struct lp_error *err)
{
    const struct service_spec *s = &spec->services[N_OWN_SERVICES + i];

    for (const struct service_spec *other = &spec->services[N_OWN_SERVICES]; other < s; other++) {
        bool name = strcmp(other->extra.name, s->extra.name) == 0;
        if (name || strcmp(other->extra.path, s->extra.path) == 0)
            return lp_error_set(err, LP_E_INVALID, "%s.%s: \"%.64s\" is there twice", path,
                                name ? "name" : "path", name ? s->extra.name : s->extra.path);
    }
    return 0;
}

/* Only a service that says how many requests wait can be scaled by them. */
static int check_metrics(const struct service_spec *s, const char *path, struct lp_error *err)
{
    bool queue = service_scales_by(s, "queueDepth");

    if (s->extra.queue_metrics || (!queue && !service_scales_by(s, "demand")))
        return 0;
    return lp_error_set(err, LP_E_INVALID,
                        "%s.autoscaling.metrics: %s needs queueMetrics true, which is false", path,
                        queue ? "queueDepth" : "demand");
}

int spec_check_extra(const struct platform_spec *spec, unsigned i, const char *path,
                     struct lp_error *err)
{
    const struct service_spec *s = &spec->services[N_OWN_SERVICES + i];

    int r = check_name(s->extra.name, path, err);
    if (r == 0)
        r = check_path(s->extra.path, path, err);
    if (r == 0)
        r = check_twins(spec, i, path, err);
    if (r == 0 && s->extra.health && s->extra.health[0] != '/')
        r = lp_error_set(err, LP_E_INVALID, "%s.healthPath: must begin with /, is \"%.64s\"", path,
                         s->extra.health);
    if (r == 0 && s->extra.port == 9090)
        r = lp_error_set(err, LP_E_INVALID, "%s.port: must not be 9090, which is for metrics",
                         path);
    if (r == 0 && s->autoscaling.min == 0 && !s->extra.queue_metrics)
        r = lp_error_set(err, LP_E_INVALID,
                         "%s.autoscaling.minReplicas: 0 needs queueMetrics true, which is false",
                         path);
    return r < 0 ? r : check_metrics(s, path, err);
}
