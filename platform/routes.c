/* platform/routes.c -- see the header. */
#include "platform/routes.h"

#include <ctype.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"

#define TIME_MIN 10
#define TIME_MAX 3600000
#define TYPE_MAX 100

struct route {
    const char *service;
    json_t *methods, *types; /* or NULL */
    struct {
        int64_t connect, first_byte, idle, total; /* ms; 0: not said */
    } timeouts;
};

#define OF(member) offsetof(struct route, member)
#define TIME(name, member)                                                                \
    {                                                                                     \
        .key = (name), .type = LP_JSON_INT, .offset = OF(timeouts.member) - OF(timeouts), \
        .min = TIME_MIN, .max = TIME_MAX                                                  \
    }
#define END         \
    {               \
        .key = NULL \
    }
static const struct lp_json_field timeout_fields[] = {
    TIME("connectMs", connect),
    TIME("firstByteMs", first_byte),
    TIME("idleMs", idle),
    TIME("totalMs", total),
    END,
};
const struct lp_json_field route_fields[] = {
    { .key = "service",
      .type = LP_JSON_STRING,
      .offset = OF(service),
      .required = true,
      .min = 1,
      .max = 20 },
    { .key = "methods", .type = LP_JSON_ARRAY, .offset = OF(methods), .min = 1, .max = 6 },
    { .key = "bodyTypes", .type = LP_JSON_ARRAY, .offset = OF(types), .min = 1, .max = 8 },
    { .key = "timeouts", .type = LP_JSON_OBJECT, .offset = OF(timeouts), .fields = timeout_fields },
    END,
};

const char *routes_name(const char *service)
{
    return strcmp(service, service_kinds[SERVICE_AI_FEEDBACK].name) == 0 ? "ai" : service;
}

/* NULL: there is none. */
static const char *route_name(const struct platform_spec *spec, const char *service)
{
    for (unsigned id = SERVICE_AUTH; id < spec_n_services(spec); id++)
        if (spec_has_service(spec, id) && spec_service(spec, id).asker == SERVICE_GATEWAY &&
            strcmp(spec_service(spec, id).name, service) == 0)
            return routes_name(service);
    return NULL;
}

static bool is_method(const char *text)
{
    static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" };

    for (size_t i = 0; i < LP_COUNT(methods); i++)
        if (strcmp(text, methods[i]) == 0)
            return true;
    return false;
}

/* "application/json", "audio/" and a star. */
static bool is_type(const char *text)
{
    const char *slash = strchr(text, '/');
    size_t n = strlen(text);

    if (!slash || slash == text || !slash[1] || n > TYPE_MAX || strchr(slash + 1, '/'))
        return false;
    for (size_t i = 0; i < n; i++) {
        bool star = text[i] == '*' && i == n - 1 && text[i - 1] == '/';
        if (!islower((unsigned char)text[i]) && !isdigit((unsigned char)text[i]) &&
            !strchr("/.+-", text[i]) && !star)
            return false;
    }
    return true;
}

static int check_list(const json_t *list, bool (*is_good)(const char *), const char *path,
                      const char *field, const char *wanted, struct lp_error *err)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        const char *text = json_string_value(item);
        if (!text || !is_good(text))
            return lp_error_set(err, LP_E_INVALID, "%s.%s[%zu]: must be %s, is \"%.64s\"", path,
                                field, i, wanted, text ? text : "");
    }
    return 0;
}

static int check_one(const struct platform_spec *spec, const struct route *r, const char *path,
                     struct lp_error *err)
{
    if (!route_name(spec, r->service))
        return lp_error_set(err, LP_E_INVALID,
                            "%s.service: must be auth, ai-feedback, progress, learning where that "
                            "is enabled, or one of spec.extraServices, is \"%.64s\"",
                            path, r->service);
    int code = check_list(r->methods, is_method, path, "methods",
                          "GET, HEAD, POST, PUT, PATCH or DELETE", err);
    if (code == 0)
        code = check_list(r->types, is_type, path, "bodyTypes",
                          "a type as application/json or audio/*", err);
    return code;
}

int routes_check(const struct platform_spec *spec, bool strict, struct lp_error *err)
{
    const json_t *list = spec->services[SERVICE_GATEWAY].routes, *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        lp_auto_free char *path = lp_sprintf("spec.services.gateway.routes[%zu]", i);
        struct route r = { .service = "" };
        int code = lp_json_decode(item, route_fields, strict, path, &r, err);
        if (code == 0)
            code = check_one(spec, &r, path, err);
        if (code < 0)
            return code;
        for (size_t k = 0; k < i; k++)
            if (strcmp(lp_json_str(json_array_get(list, k), "service", NULL), r.service) == 0)
                return lp_error_set(err, LP_E_INVALID, "%s.service: \"%.64s\" is there twice", path,
                                    r.service);
    }
    return 0;
}

static void add_list(struct lp_buf *out, const char *key, const json_t *list)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
        lp_buf_printf(out, "%s%s", i == 0 ? key : " ", json_string_value(item));
}

static void add_time(struct lp_buf *out, const char *key, int64_t ms)
{
    if (ms > 0)
        lp_buf_printf(out, ";%s=%" PRId64, key, ms);
}

void routes_text(const struct platform_spec *spec, struct lp_buf *out)
{
    const json_t *item;
    size_t i;

    json_array_foreach(spec->services[SERVICE_GATEWAY].routes, i, item)
    {
        struct route r = { .service = "" };
        struct lp_error ignored; /* the spec was checked */
        lp_auto_buf struct lp_buf parts = LP_BUF_INIT(4096);
        if (lp_json_decode(item, route_fields, false, "", &r, &ignored) < 0)
            continue;
        add_list(&parts, ";methods=", r.methods);
        add_list(&parts, ";types=", r.types);
        add_time(&parts, "connect", r.timeouts.connect);
        add_time(&parts, "firstByte", r.timeouts.first_byte);
        add_time(&parts, "idle", r.timeouts.idle);
        add_time(&parts, "total", r.timeouts.total);
        if (parts.len > 0)
            lp_buf_printf(out, "%s%s:%s", out->len > 0 ? "," : "", route_name(spec, r.service),
                          parts.ptr + 1);
    }
}
