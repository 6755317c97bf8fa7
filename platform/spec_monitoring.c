/* platform/spec_monitoring.c -- see the header. The CRD says the same by patterns and CEL. Pure. */
#include "platform/spec_monitoring.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"

#define OF(member) offsetof(struct monitoring_spec, member)
#define END         \
    {               \
        .key = NULL \
    }

static const char *const choices[] = { "Auto", "None", NULL };
static const char *const dashboard_choices[] = { "None", "ConfigMap", NULL };

static const struct lp_json_field latency_fields[] = {
    { .key = "p95", .type = LP_JSON_STRING, .required = true, .max = 7 },
    END,
};
#define OF_SLO(member) (OF(member) - OF(availability))
static const struct lp_json_field slo_fields[] = {
    { .key = "availability", .type = LP_JSON_STRING, .offset = OF_SLO(availability), .max = 6 },
    { .key = "latency",
      .type = LP_JSON_OBJECT,
      .offset = OF_SLO(latency_p95),
      .fields = latency_fields },
    END,
};
const struct lp_json_field monitoring_fields[] = {
    { .key = "podMonitor", .type = LP_JSON_STRING, .offset = OF(pod_monitor), .one_of = choices },
    { .key = "prometheusRule", .type = LP_JSON_STRING, .offset = OF(rule), .one_of = choices },
    { .key = "dashboards",
      .type = LP_JSON_STRING,
      .offset = OF(dashboards),
      .one_of = dashboard_choices },
    { .key = "slo", .type = LP_JSON_OBJECT, .offset = OF(availability), .fields = slo_fields },
    { .key = "owners", .type = LP_JSON_OBJECT, .offset = OF(owners) },
    END,
};

void spec_monitoring_defaults(struct monitoring_spec *m)
{
    m->pod_monitor = m->rule = choices[0];
    m->dashboards = dashboard_choices[0]; /* whether a Grafana reads them no API tells */
}

/* "95".."99.999". */
static bool is_availability(const char *text)
{
    size_t n = strlen(text);
    bool good = n >= 2 && text[0] == '9' && text[1] >= '5' && text[1] <= '9';

    if (n == 2)
        return good;
    good = good && text[2] == '.' && n >= 4 && n <= 6;
    for (size_t i = 3; i < n && good; i++)
        good = isdigit((unsigned char)text[i]);
    return good;
}

/* "1ms".."9999ms", "1s".."30s". */
static bool is_latency(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    long n = digits > 0 && digits <= 4 && text[0] != '0' ? strtol(text, NULL, 10) : 0;

    if (strcmp(text + digits, "ms") == 0)
        return n >= 1;
    return strcmp(text + digits, "s") == 0 && digits <= 2 && n >= 1 && n <= 30;
}

/* Of a service of the platform, or of all that has no owner of its own. */
static bool is_owned(const struct platform_spec *spec, const char *key)
{
    for (unsigned id = 0; id < spec_n_services(spec); id++)
        if (strcmp(spec_service(spec, id).name, key) == 0)
            return true;
    return strcmp(key, "platform") == 0;
}

static bool is_word(const char *text)
{
    size_t n = strlen(text);
    return n > 0 && n <= 63 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == n;
}

/* Templates of Prometheus begin with {{, so that neither may be in what ends in one. */
static bool is_page(const char *text)
{
    size_t n = strlen(text);
    bool web = strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0;

    return web && n <= 512 && strcspn(text, "{}\"\\ \t\r\n") == n;
}

static int check_owner(const char *key, const json_t *owner, struct lp_error *err)
{
    static const char *const words[] = { "team", "severity" };
    const char *page = lp_json_str(owner, "runbook", NULL);

    for (size_t i = 0; i < LP_COUNT(words); i++) {
        const char *word = lp_json_str(owner, words[i], NULL);
        if (word && !is_word(word))
            return lp_error_set(err, LP_E_INVALID,
                                "spec.monitoring.owners.%s.%s: must be 1 to 63 letters, digits, "
                                "dashes, dots and underscores, is \"%.64s\"",
                                key, words[i], word);
    }
    if (page && !is_page(page))
        return lp_error_set(err, LP_E_INVALID,
                            "spec.monitoring.owners.%s.runbook: must be an http or https URL of at "
                            "most 512 bytes, is \"%.64s\"",
                            key, page);
    return 0;
}

static int check_owners(const struct platform_spec *spec, struct lp_error *err)
{
    const char *key;
    json_t *owner;

    json_object_foreach(spec->monitoring.owners, key, owner)
    {
        if (!is_owned(spec, key))
            return lp_error_set(err, LP_E_INVALID,
                                "spec.monitoring.owners: each must be a service of the platform, "
                                "or platform, has \"%.64s\"",
                                key);
        int r = check_owner(key, owner, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int spec_check_monitoring(const struct platform_spec *spec, struct lp_error *err)
{
    const struct monitoring_spec *m = &spec->monitoring;

    if (m->availability && !is_availability(m->availability))
        return lp_error_set(err, LP_E_INVALID,
                            "spec.monitoring.slo.availability: must be 95 to 99.999 with at most "
                            "three decimals, is \"%.16s\"",
                            m->availability);
    if (m->latency_p95 && !is_latency(m->latency_p95))
        return lp_error_set(err, LP_E_INVALID,
                            "spec.monitoring.slo.latency.p95: must be 1ms to 9999ms or 1s to 30s, "
                            "is \"%.16s\"",
                            m->latency_p95);
    return check_owners(spec, err);
}
