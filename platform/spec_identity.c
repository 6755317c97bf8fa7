/* platform/spec_identity.c -- see the header. Pure. */
#include "platform/spec_identity.h"

#include <stddef.h>
#include <string.h>

#include "json/json.h"

#define OF(member) offsetof(struct oidc_spec, member)
#define END         \
    {               \
        .key = NULL \
    }

static const struct lp_json_field secret_key_fields[] = {
    { .key = "name",
      .type = LP_JSON_STRING,
      .required = true,
      .min = 1,
      .max = 253,
      .offset = offsetof(struct secret_key_spec, name) },
    { .key = "key",
      .type = LP_JSON_STRING,
      .required = true,
      .min = 1,
      .max = 253,
      .offset = offsetof(struct secret_key_spec, key) },
    END,
};

static const struct lp_json_field oidc_fields[] = {
    { .key = "issuer",
      .type = LP_JSON_STRING,
      .required = true,
      .min = 1,
      .max = 1024,
      .offset = OF(issuer) },
    { .key = "clientId",
      .type = LP_JSON_STRING,
      .required = true,
      .min = 1,
      .max = 255,
      .offset = OF(client_id) },
    { .key = "clientSecretRef",
      .type = LP_JSON_OBJECT,
      .offset = OF(client_secret),
      .fields = secret_key_fields },
    { .key = "caSecretRef", .type = LP_JSON_OBJECT, .offset = OF(ca), .fields = secret_key_fields },
    { .key = "redirectUrl",
      .type = LP_JSON_STRING,
      .required = true,
      .min = 1,
      .max = 2048,
      .offset = OF(redirect_url) },
    { .key = "scopes", .type = LP_JSON_ARRAY, .min = 1, .max = 16, .offset = OF(scopes) },
    { .key = "roleClaim", .type = LP_JSON_STRING, .min = 1, .max = 255, .offset = OF(role_claim) },
    { .key = "roles", .type = LP_JSON_OBJECT, .offset = OF(roles) },
    { .key = "allowHttp", .type = LP_JSON_BOOL, .offset = OF(allow_http) },
    END,
};

const struct lp_json_field identity_fields[] = {
    { .key = "oidc",
      .type = LP_JSON_OBJECT,
      .offset = offsetof(__typeof__(((struct platform_spec *)0)->identity), oidc),
      .fields = oidc_fields },
    END,
};

static bool is_on_localhost(const char *url)
{
    static const char *const hosts[] = { "http://localhost", "http://127.0.0.1" };
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        size_t n = strlen(hosts[i]);
        if (strncmp(url, hosts[i], n) == 0 && strchr(":/", url[n])) /* or its end */
            return true;
    }
    return false;
}

static int check_urls(const struct oidc_spec *s, const char *path, struct lp_error *err)
{
    if (!s->allow_http && strncmp(s->issuer, "https://", 8) != 0)
        return lp_error_set(err, LP_E_INVALID,
                            "%s.issuer: must begin with https://, or allowHttp be true, is "
                            "\"%.128s\"",
                            path, s->issuer);
    if (!s->allow_http && strncmp(s->redirect_url, "https://", 8) != 0 &&
        !is_on_localhost(s->redirect_url))
        return lp_error_set(err, LP_E_INVALID,
                            "%s.redirectUrl: must begin with https://, be on localhost, or "
                            "allowHttp be true, is \"%.128s\"",
                            path, s->redirect_url);
    return 0;
}

static int check_scopes(const struct oidc_spec *s, const char *path, struct lp_error *err)
{
    const json_t *item;
    bool openid = !s->scopes;
    size_t i;

    json_array_foreach(s->scopes, i, item)
    {
        const char *scope = json_string_value(item);
        if (!scope || !*scope || strpbrk(scope, " \t\r\n\"\\"))
            return lp_error_set(err, LP_E_INVALID, "%s.scopes[%zu]: must be a word", path, i);
        openid = openid || strcmp(scope, "openid") == 0;
    }
    if (!openid)
        return lp_error_set(err, LP_E_INVALID, "%s.scopes: openid must be one of them", path);
    return 0;
}

static int check_roles(const struct oidc_spec *s, const char *path, struct lp_error *err)
{
    const char *value;
    json_t *role;

    if ((s->role_claim != NULL) != (json_object_size(s->roles) > 0))
        return lp_error_set(err, LP_E_INVALID, "%s.roleClaim: is only of use together with roles",
                            path);
    if (json_object_size(s->roles) > 64)
        return lp_error_set(err, LP_E_INVALID, "%s.roles: must be at most 64, is %zu", path,
                            json_object_size(s->roles));
    json_object_foreach(s->roles, value, role)
    {
        const char *text = json_string_value(role);
        if (!text || (strcmp(text, "user") != 0 && strcmp(text, "teacher") != 0 &&
                      strcmp(text, "admin") != 0))
            return lp_error_set(err, LP_E_INVALID,
                                "%s.roles[%.64s]: must be user, teacher or admin, is \"%.64s\"",
                                path, value, text ? text : "");
    }
    return 0;
}

int spec_check_oidc(const struct oidc_spec *s, const char *path, struct lp_error *err)
{
    if (!s->issuer)
        return 0;
    int r = check_urls(s, path, err);
    if (r == 0)
        r = check_scopes(s, path, err);
    return r < 0 ? r : check_roles(s, path, err);
}
