/* services/gateway/config.c -- the table of variables, and the upstreams that they name. */
#include "services/gateway/config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"

#define AT(member) offsetof(struct gateway_config, member)

/* What the services take; services.md. */
#define AUTH_BODY ((int64_t)10 * 1024 * 1024)
#define AI_BODY ((int64_t)10 * 1024 * 1024)
#define PROGRESS_BODY ((int64_t)100 * 1024)

static const char *const clients[] = { "native", "curl", NULL };
static const char *const logs[] = { "off", "errors", "sampled", "all", NULL };

const struct lp_env gateway_env[] = {
    { "AUTH_SERVICE_URL", LP_ENV_URL, AT(auth_url), .help = "upstream of /auth" },
    { "AI_SERVICE_URL", LP_ENV_URL, AT(ai_url), .help = "upstream of /ai" },
    { "PROGRESS_SERVICE_URL", LP_ENV_URL, AT(progress_url), .help = "upstream of /progress" },
    { "EXTRA_SERVICES", LP_ENV_STRING, AT(extra_services), "", 0, 8192,
      .help = "more upstreams: [name:]/path=http://host:port, separated by commas; the name is the "
              "route of metrics" },
    { "ROUTE_PATHS", LP_ENV_STRING, AT(route_paths), "", 0, 2048,
      .help = "name:/path of routes, separated by commas: requests for that path, or one below it, "
              "go to the route's upstream with the path as it is" },
    { "ROUTE_RULES", LP_ENV_STRING, AT(route_rules), "", 0, 65536,
      .help =
          "name:methods=GET POST;types=audio/*;connect=500;firstByte=5000;idle=5000;total=60000 "
          "(ms) of routes, separated by commas" },
    { "HOLD_ROUTES", LP_ENV_STRING, AT(hold_routes), "", 0, 4096,
      .help = "names of routes, separated by commas, whose requests are held while no pod of the "
              "upstream takes a connection" },
    { "HOLD_LIMIT", LP_ENV_INT, AT(hold_limit), "256", 1, 100000,
      .help = "requests that this pod holds at once; one more is answered 503" },
    { "HOLD_TIMEOUT", LP_ENV_DURATION, AT(hold_timeout_ms), "30s", 100, 600000,
      .help = "for which one is held before it is answered 503" },
    { "AUTH_JWT_SECRET", LP_ENV_STRING, AT(jwt_secrets), "", 1, 8192, .secret = true,
      .help = "HMAC keys of tokens, separated by commas, newest first; needed without "
              "AUTH_JWKS_URL and AUTH_JWT_KEYS_DIR" },
    { "AUTH_JWT_KEYS_DIR", LP_ENV_STRING, AT(jwt_keys_dir), "", 0, 1024,
      .help = "folder (a mounted Secret) whose file hmac has them instead, read again when it "
              "changes" },
    { "AUTH_JWKS_URL", LP_ENV_URL, AT(jwks_url), "", 0, 2048,
      .help = "where the public keys of tokens are, a JWK set" },
    { "AUTH_JWKS_REFRESH", LP_ENV_DURATION, AT(jwks_refresh_ms), "5m", 100, 86400000,
      .help = "how often they are fetched anew" },
    { "DEFAULT_TIMEOUT", LP_ENV_INT, AT(timeout_ms), "35000", 10, 600000,
      .help = "ms without a sign of life from an upstream until 503" },
    { "HEADER_TIMEOUT", LP_ENV_DURATION, AT(head_timeout_ms), "10s", 50, 600000,
      .help = "for the whole head of a connection's first request" },
    { "BODY_TIMEOUT", LP_ENV_DURATION, AT(body_timeout_ms), "30s", 50, 3600000,
      .help = "a request body that is longer under way must come with 1 kB/s" },
    { "CORS_ORIGIN", LP_ENV_STRING, AT(cors_origin), "*", 1, 4096,
      .help = "*, one origin, or a list separated by commas" },
    { "RATE_LIMIT_WINDOW", LP_ENV_DURATION, AT(rate_window_ms), "60s", 1000, 86400000,
      .help = "window of RATE_LIMIT_MAX" },
    { "RATE_LIMIT_MAX", LP_ENV_INT, AT(rate_max), "-1", -1, 1000000000,
      .help =
          "requests per client, route and window in this pod; 0: no limit; -1: as the next four" },
    { "RATE_LIMIT_RATE", LP_ENV_INT, AT(subject_rate), "50", 1, 1000000,
      .help = "requests a second for the subject of a valid token, per route and pod" },
    { "RATE_LIMIT_BURST", LP_ENV_INT, AT(subject_burst), "200", 1, 1000000,
      .help = "so many of them at once" },
    { "RATE_LIMIT_ADDRESS_RATE", LP_ENV_INT, AT(address_rate), "200", 1, 1000000,
      .help = "requests a second without a valid token for an address, per route and pod" },
    { "RATE_LIMIT_ADDRESS_BURST", LP_ENV_INT, AT(address_burst), "1000", 1, 1000000,
      .help = "so many of them at once" },
    { "UPSTREAM_CONCURRENCY", LP_ENV_INT, AT(upstream_limit), "0", 0, 100000,
      .help = "requests at once to one upstream; QUEUE_LIMIT more wait for a place; 0: four times "
              "CONCURRENCY" },
    { "BUFFER_MAX", LP_ENV_INT, AT(buffer_max), "33554432", 1048576, 1073741824,
      .help =
          "bytes of bodies, on both sides, and of waiting requests in this pod; over it each body "
          "is taken only as fast as its other side takes it, and one more that would wait is "
          "answered 503" },
    { "UPSTREAM_CLIENT", LP_ENV_STRING, AT(upstream_client), "native", 0, 0, clients,
      .help = "HTTP client towards http upstreams; https ones have curl" },
    { "TRUSTED_PROXIES", LP_ENV_STRING, AT(trusted_proxies), "", 0, 4096,
      .help = "addresses and networks whose X-Forwarded-* are believed, separated by commas" },
    { "EXTRA_BODY_LIMIT", LP_ENV_INT, AT(extra_body_limit), "10485760", 0, 1073741824,
      .help = "bytes of a request's body to an upstream of EXTRA_SERVICES; 0: any" },
    { "WEBSOCKET_IDLE", LP_ENV_DURATION, AT(websocket_idle_ms), "10m", 1000, 86400000,
      .help = "a WebSocket without a byte either way for so long is closed" },
    { "WEBSOCKET_MESSAGE_MAX", LP_ENV_INT, AT(websocket_message_max), "1048576", 0, 1073741824,
      .help = "bytes of one message of a client; a longer one ends the WebSocket (1009); 0: any" },
    { "MAX_CONNECTIONS", LP_ENV_INT, AT(max_connections), "4096", 1, 100000,
      .help = "clients' connections in this pod; more are answered 503" },
    { "MAX_CONNECTIONS_PER_ADDRESS", LP_ENV_INT, AT(max_per_address), "0", 0, 100000,
      .help = "of them for one address that is no trusted proxy; 0: three quarters" },
    { "ACCESS_LOG", LP_ENV_STRING, AT(access_log_name), "all", 0, 0, logs,
      .help = "which requests are logged; sampled: errors and one of 100 others" },
    { "WORKERS", LP_ENV_INT, AT(workers), "1", 0, 64,
      .help = "event loops, a thread each; 0: one per CPU, at most 4" },
    { .name = NULL },
};

/* "host", "host:port" or "[v6]:port" of the origin. */
static bool split_authority(const char *s, size_t n, struct gateway_upstream *u)
{
    const char *end = s + n, *host = s, *host_end = NULL, *port = NULL;
    unsigned long number = u->https ? 443 : 80;

    if (n > 0 && *s == '[') {
        host_end = memchr(s, ']', n);
        host = s + 1;
        port = host_end ? host_end + 1 : NULL;
    } else {
        host_end = memchr(s, ':', n);
        port = host_end = host_end ? host_end : end;
    }
    if (!host_end || host_end == host || (port < end && *port != ':') || port + 1 == end ||
        end - port > 6)
        return false;
    for (const char *p = port + 1; p < end; p++) {
        if (!isdigit((unsigned char)*p))
            return false;
    }
    if (port < end)
        number = strtoul(port + 1, NULL, 10);
    if (number == 0 || number > 65535)
        return false;
    u->host = lp_strndup(host, (size_t)(host_end - host));
    u->port = (unsigned)number;
    return true;
}

/* Cuts "http://host:port/base/" into origin and base. */
static bool split_url(const char *url, size_t len, struct gateway_upstream *u)
{
    size_t scheme = len > 7 && strncasecmp(url, "http://", 7) == 0    ? 7
                    : len > 8 && strncasecmp(url, "https://", 8) == 0 ? 8
                                                                      : 0;
    if (scheme == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)url[i];
        if (c <= ' ' || c >= 0x7f || c == '?' || c == '#' || c == '@')
            return false;
    }
    const char *slash = memchr(url + scheme, '/', len - scheme);
    size_t origin = slash ? (size_t)(slash - url) : len;
    u->https = scheme == 8;
    if (!split_authority(url + scheme, origin - scheme, u))
        return false;
    while (len > origin && url[len - 1] == '/')
        len--;
    u->origin = lp_strndup(url, origin);
    u->base = lp_strndup(url + origin, len - origin);
    return true;
}

static bool prefix_is_sound(const char *p, size_t len)
{
    if (len < 2 || p[0] != '/')
        return false;
    for (size_t i = 1; i < len; i++) {
        if (!isalnum((unsigned char)p[i]) && p[i] != '-' && p[i] != '_')
            return false;
    }
    return len != 7 || strncasecmp(p, "/health", 7) != 0;
}

/* What a variable says of one route; nothing is terminated. */
struct route_text {
    const char *variable, *name, *prefix, *url;
    size_t name_len, prefix_len, url_len;
};

static bool name_is_sound(const struct route_text *t)
{
    for (size_t i = 0; i < t->name_len; i++) {
        if (!isalnum((unsigned char)t->name[i]) && t->name[i] != '-' && t->name[i] != '_')
            return false;
    }
    return t->name_len > 0;
}

static int check_text(const struct gateway_routes *r, const struct route_text *t,
                      struct lp_error *err)
{
    if (r->n == GATEWAY_MAX_UPSTREAMS)
        return lp_error_set(err, LP_E_INVALID, "%s: more than %d upstreams", t->variable,
                            GATEWAY_MAX_UPSTREAMS);
    if (!prefix_is_sound(t->prefix, t->prefix_len))
        return lp_error_set(err, LP_E_INVALID,
                            "%s: \"%.*s\" is not a path of one segment such as /quiz", t->variable,
                            (int)t->prefix_len, t->prefix);
    if (!name_is_sound(t))
        return lp_error_set(err, LP_E_INVALID,
                            "%s: \"%.*s\" is not a name of letters, digits, - and _", t->variable,
                            (int)t->name_len, t->name);
    for (size_t i = 0; i < r->n; i++) {
        const struct gateway_upstream *u = &r->upstreams[i];
        if (strlen(u->prefix) == t->prefix_len &&
            strncasecmp(u->prefix, t->prefix, t->prefix_len) == 0)
            return lp_error_set(err, LP_E_INVALID, "%s: %.*s is there twice", t->variable,
                                (int)t->prefix_len, t->prefix);
        if (strlen(u->name) == t->name_len && strncmp(u->name, t->name, t->name_len) == 0)
            return lp_error_set(err, LP_E_INVALID, "%s: the name %.*s is there twice", t->variable,
                                (int)t->name_len, t->name);
    }
    return 0;
}

static int add(struct gateway_routes *r, const struct route_text *t, int64_t body_limit,
               int64_t timeout_ms, struct lp_error *err)
{
    int ret = check_text(r, t, err);

    if (ret < 0)
        return ret;
    struct gateway_upstream *u = &r->upstreams[r->n];
    if (!split_url(t->url, t->url_len, u))
        return lp_error_set(err, LP_E_INVALID, "%s: \"%.*s\" is not http(s)://host[:port][/path]",
                            t->variable, (int)t->url_len, t->url);
    u->prefix = lp_strndup(t->prefix, t->prefix_len);
    u->name = lp_strndup(t->name, t->name_len);
    u->body_limit = body_limit;
    rules_init(&u->rules, timeout_ms);
    r->n++;
    return 0;
}

/* "name:/path=url" or "/path=url", which is named by its path. */
static struct route_text split_extra(const char *item, size_t len)
{
    const char *equals = memchr(item, '=', len);
    size_t left = equals ? (size_t)(equals - item) : len;
    const char *colon = memchr(item, ':', left);
    struct route_text t = { .variable = "EXTRA_SERVICES",
                            .prefix = colon ? colon + 1 : item,
                            .url = equals ? equals + 1 : item + len };

    t.prefix_len = (size_t)(item + left - t.prefix);
    t.url_len = (size_t)(item + len - t.url);
    t.name = colon || left == 0 ? item : item + 1;
    t.name_len = colon ? (size_t)(colon - item) : left - (left > 0);
    return t;
}

static int add_extra(struct gateway_routes *r, const struct gateway_config *c, struct lp_error *err)
{
    const char *list = c->extra_services;

    while (list && *list) {
        size_t len = strcspn(list, ",");
        const struct route_text t = split_extra(list, len);
        int ret = add(r, &t, c->extra_body_limit, c->timeout_ms, err);
        if (ret < 0)
            return ret;
        list += list[len] ? len + 1 : len;
    }
    return 0;
}

static struct gateway_upstream *find(struct gateway_routes *r, const char *name, size_t len)
{
    for (size_t i = 0; i < r->n; i++) {
        if (strlen(r->upstreams[i].name) == len && memcmp(r->upstreams[i].name, name, len) == 0)
            return &r->upstreams[i];
    }
    return NULL;
}

/* Segments of letters, digits, - and _, the first of which opens nothing (target_is_open). */
static bool path_is_sound(const char *p, size_t len)
{
    for (size_t at = 0; at < len;) {
        const char *slash = memchr(p + at + 1, '/', len - at - 1);
        size_t end = slash ? (size_t)(slash - p) : len;
        if (p[at] != '/' || !prefix_is_sound(p + at, end - at))
            return false;
        at = end;
    }
    return len >= 2 && strncasecmp(p, "/health", 7) != 0 && strncasecmp(p, "/auth/", 6) != 0;
}

static int check_path(const struct gateway_routes *r, const char *path, size_t len,
                      struct lp_error *err)
{
    int shown = (int)(len < 64 ? len : 64);

    if (r->n_paths == GATEWAY_MAX_PATHS)
        return lp_error_set(err, LP_E_INVALID, "ROUTE_PATHS: more than %d paths",
                            GATEWAY_MAX_PATHS);
    if (!path_is_sound(path, len))
        return lp_error_set(err, LP_E_INVALID,
                            "ROUTE_PATHS: \"%.*s\" is not a path such as /api/words, outside of "
                            "/auth and /health",
                            shown, path);
    for (size_t i = 0; i < r->n; i++)
        if (strlen(r->upstreams[i].prefix) == len &&
            strncasecmp(r->upstreams[i].prefix, path, len) == 0)
            return lp_error_set(err, LP_E_INVALID, "ROUTE_PATHS: %.*s is a route of its own", shown,
                                path);
    for (size_t i = 0; i < r->n_paths; i++)
        if (strlen(r->paths[i].path) == len && strncasecmp(r->paths[i].path, path, len) == 0)
            return lp_error_set(err, LP_E_INVALID, "ROUTE_PATHS: %.*s is there twice", shown, path);
    return 0;
}

static int add_paths(struct gateway_routes *r, const char *list, struct lp_error *err)
{
    while (list && *list) {
        size_t len = strcspn(list, ","), name_len = strcspn(list, ":,");
        const struct gateway_upstream *u = find(r, list, name_len);
        if (!u || name_len == len)
            return lp_error_set(err, LP_E_INVALID,
                                "ROUTE_PATHS: \"%.*s\" does not begin with the name of a route "
                                "and a colon, such as quiz:",
                                (int)(len < 64 ? len : 64), list);
        const char *path = list + name_len + 1;
        size_t path_len = len - name_len - 1;
        int ret = check_path(r, path, path_len, err);
        if (ret < 0)
            return ret;
        r->paths[r->n_paths++] = (struct gateway_path){ .path = lp_strndup(path, path_len),
                                                        .upstream = (size_t)(u - r->upstreams) };
        list += list[len] ? len + 1 : len;
    }
    return 0;
}

static int add_rules(struct gateway_routes *r, const char *list, struct lp_error *err)
{
    while (list && *list) {
        size_t len = strcspn(list, ","), name_len = strcspn(list, ":,");
        struct gateway_upstream *u = find(r, list, name_len);
        if (!u || name_len == len)
            return lp_error_set(
                err, LP_E_INVALID,
                "ROUTE_RULES: \"%.*s\" does not begin with the name of a route and a "
                "colon, such as auth:",
                (int)(len < 64 ? len : 64), list);
        int ret = rules_read(&u->rules, list + name_len + 1, len - name_len - 1, err);
        if (ret < 0)
            return lp_error_wrap(err, "ROUTE_RULES: %s", u->name);
        list += list[len] ? len + 1 : len;
    }
    return 0;
}

static int mark_held(struct gateway_routes *r, const char *list, struct lp_error *err)
{
    while (list && *list) {
        size_t len = strcspn(list, ",");
        struct gateway_upstream *u = find(r, list, len);
        if (!u)
            return lp_error_set(err, LP_E_INVALID,
                                "HOLD_ROUTES: \"%.*s\" is not the name of a route",
                                (int)(len < 64 ? len : 64), list);
        u->holds = true;
        list += list[len] ? len + 1 : len;
    }
    return 0;
}

int gateway_routes_make(const struct gateway_config *c, struct gateway_routes *ret_routes,
                        struct lp_error *err)
{
    const struct {
        const char *variable, *prefix, *url;
        int64_t body_limit;
    } fixed[] = {
        { "AUTH_SERVICE_URL", "/auth", c->auth_url, AUTH_BODY },
        { "AI_SERVICE_URL", "/ai", c->ai_url, AI_BODY },
        { "PROGRESS_SERVICE_URL", "/progress", c->progress_url, PROGRESS_BODY },
    };
    struct gateway_routes r = { .n = 0 };
    int ret = 0;

    for (size_t i = 0; i < LP_COUNT(fixed) && ret == 0; i++) {
        const struct route_text t = { .variable = fixed[i].variable,
                                      .name = fixed[i].prefix + 1,
                                      .name_len = strlen(fixed[i].prefix) - 1,
                                      .prefix = fixed[i].prefix,
                                      .prefix_len = strlen(fixed[i].prefix),
                                      .url = fixed[i].url,
                                      .url_len = strlen(fixed[i].url) };
        ret = add(&r, &t, fixed[i].body_limit, c->timeout_ms, err);
    }
    if (ret == 0)
        ret = add_extra(&r, c, err);
    if (ret == 0)
        ret = add_paths(&r, c->route_paths, err);
    if (ret == 0)
        ret = add_rules(&r, c->route_rules, err);
    if (ret == 0)
        ret = mark_held(&r, c->hold_routes, err);
    if (ret < 0) {
        gateway_routes_done(&r);
        return ret;
    }
    *ret_routes = r;
    return 0;
}

void gateway_routes_done(struct gateway_routes *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free(r->upstreams[i].name);
        free(r->upstreams[i].prefix);
        free(r->upstreams[i].origin);
        free(r->upstreams[i].base);
        free(r->upstreams[i].host);
        rules_done(&r->upstreams[i].rules);
    }
    for (size_t i = 0; i < r->n_paths; i++)
        free(r->paths[i].path);
    r->n = r->n_paths = 0;
}
