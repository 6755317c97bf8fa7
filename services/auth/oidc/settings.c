/* No state; any thread. */
#include "services/auth/oidc/settings.h"

#include <string.h>

#include "base/alloc.h"
#include "json/json.h"

#define ROLES_MAX_BYTES 16384

static const char *const role_names[] = { "user", "teacher", "admin" };

int oidc_role_rank(const char *role)
{
    for (size_t i = 0; role && i < LP_COUNT(role_names); i++)
        if (strcmp(role, role_names[i]) == 0)
            return (int)i;
    return -1;
}

const char *oidc_role_name(int rank)
{
    return rank >= 0 && rank < (int)LP_COUNT(role_names) ? role_names[rank] : NULL;
}

/* The host alone: "localhost", "127.0.0.1", "[::1]". */
static bool is_loopback(const char *host)
{
    size_t n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?");
    return (n == 9 && strncmp(host, "localhost", 9) == 0) ||
           (n == 9 && strncmp(host, "127.0.0.1", 9) == 0) ||
           (n == 5 && strncmp(host, "[::1]", 5) == 0);
}

bool oidc_url_is_safe(const char *url, bool allow_http)
{
    size_t scheme = strncmp(url, "https://", 8) == 0 ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;
    const char *host = url + scheme;

    if (scheme == 0 || strchr("/?:", *host) || host[strcspn(host, "#@ \t\r\n\\\"<>")] != '\0')
        return false;
    return scheme == 8 || allow_http || is_loopback(host);
}

static int read_roles(const struct oidc_settings *s, json_t **ret_roles, struct lp_error *err)
{
    json_auto_t *roles = NULL;
    const char *name;
    json_t *role;
    int r = lp_json_parse(s->roles, strlen(s->roles), ROLES_MAX_BYTES, "OIDC_ROLES", &roles, err);

    if (r < 0)
        return r;
    if (!json_is_object(roles) || json_object_size(roles) > SETTINGS_ROLES_MAX)
        return lp_error_set(err, LP_E_INVALID,
                            "OIDC_ROLES: must be a JSON object of at most %d values of the claim",
                            SETTINGS_ROLES_MAX);
    json_object_foreach(roles, name, role)
    {
        if (oidc_role_rank(json_string_value(role)) < 0)
            return lp_error_set(err, LP_E_INVALID,
                                "OIDC_ROLES: the role of \"%.64s\" must be user, teacher or admin",
                                name);
    }
    *ret_roles = lp_take(roles);
    return 0;
}

json_t *oidc_settings_roles(const struct oidc_settings *s)
{
    json_t *roles = NULL;
    struct lp_error err;
    return read_roles(s, &roles, &err) < 0 ? json_object() : roles;
}

static bool has_scope(const char *scopes, const char *want)
{
    size_t n = strlen(want);
    for (const char *at = scopes; *at; at += strcspn(at, " ")) {
        at += strspn(at, " ");
        if (strncmp(at, want, n) == 0 && (at[n] == ' ' || at[n] == '\0'))
            return true;
    }
    return false;
}

static int check_roles(const struct oidc_settings *s, struct lp_error *err)
{
    json_auto_t *roles = NULL;
    int r = read_roles(s, &roles, err);
    if (r < 0)
        return r;
    if (s->role_claim[0] && json_object_size(roles) == 0)
        return lp_error_set(err, LP_E_INVALID, "OIDC_ROLES: is required with OIDC_ROLE_CLAIM");
    if (!s->role_claim[0] && json_object_size(roles) > 0)
        return lp_error_set(err, LP_E_INVALID, "OIDC_ROLE_CLAIM: is required with OIDC_ROLES");
    return 0;
}

int oidc_settings_check(const struct oidc_settings *s, struct lp_error *err)
{
    if (!s->issuer[0])
        return 0;
    if (!oidc_url_is_safe(s->issuer, s->allow_http) || strchr(s->issuer, '?'))
        return lp_error_set(err, LP_E_INVALID,
                            "OIDC_ISSUER: must be https:// without a query; http:// on loopback, "
                            "or with OIDC_ALLOW_HTTP=true");
    if (!s->client_id[0])
        return lp_error_set(err, LP_E_INVALID, "OIDC_CLIENT_ID: is required with OIDC_ISSUER");
    if (!has_scope(s->scopes, "openid"))
        return lp_error_set(err, LP_E_INVALID, "OIDC_SCOPES: openid must be one of them");
    if (s->redirect_url[0] && !oidc_url_is_safe(s->redirect_url, s->allow_http))
        return lp_error_set(err, LP_E_INVALID,
                            "OIDC_REDIRECT_URL: must be https://; http:// on loopback, or with "
                            "OIDC_ALLOW_HTTP=true");
    return check_roles(s, err);
}
