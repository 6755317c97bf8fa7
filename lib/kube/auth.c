/* lib/kube/auth.c -- keeps credentials fresh. Whoever needs them looks at the clock first: files
 * every 60 s, a plugin shortly before its answer expires. The mutex is held while a plugin runs, so
 * that many threads start it once. */
#include "kube/auth.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "json/json.h"

#define REREAD_MS 60000
#define EXPIRY_MARGIN_MS 10000
#define PLUGIN_RETRY_MS 10000 /* after a plugin failed while we hold an older answer */

void lp_kube_credentials_done(struct lp_kube_credentials *c)
{
    free(c->token);
    c->token = NULL;
}

/* Takes over `*fresh` where it differs from `*current`; true where it did. */
static bool replace(char **current, char **fresh)
{
    if (!*fresh || (*current && strcmp(*current, *fresh) == 0))
        return false;
    free(*current);
    *current = lp_take(*fresh);
    return true;
}

/* A file that cannot be read, or is empty as during a rotation, leaves what we have. */
static bool reread_locked(const char *path, bool trim, char **current)
{
    lp_auto_free char *fresh = NULL;
    struct lp_error err;

    if (!path)
        return false;
    if (lp_file_read(path, "credentials", &fresh, &err) < 0) {
        lp_log_debug("credentials kept", "error", err.msg);
        return false;
    }
    if (trim)
        fresh[strcspn(fresh, "\r\n")] = '\0';
    return *fresh && replace(current, &fresh);
}

/* No session of the old certificate is resumed with the new one. */
static void changed_locked(struct lp_kube_config *c)
{
    lp_http_share_free(c->share);
    c->share = lp_http_share_new(c->ca_pem, c->cert_pem, c->key_pem);
    c->generation++;
}

static void reread_files_locked(struct lp_kube_config *c)
{
    bool tls = reread_locked(c->ca_file, false, &c->ca_pem);

    tls |= reread_locked(c->cert_file, false, &c->cert_pem);
    tls |= reread_locked(c->key_file, false, &c->key_pem);
    reread_locked(c->token_file, true, &c->token);
    if (tls)
        changed_locked(c);
    c->read_ms = lp_clock_ms();
}

/* ExecCredential.spec.cluster, for plugins that ask for it. */
static json_t *cluster_info_locked(const struct lp_kube_config *c)
{
    if (!c->exec->cluster_info)
        return NULL;
    json_t *info =
        lp_json_make("{s:s, s:b}", "server", c->server, "insecure-skip-tls-verify", c->insecure);
    lp_json_set_str(info, "tls-server-name", c->tls_server_name);
    return info;
}

static int ask_plugin_locked(struct lp_kube_config *c, struct lp_stop *stop, struct lp_error *err)
{
    struct lp_kube_exec_result got = { .expires_wall_ms = INT64_MAX };
    json_auto_t *info = cluster_info_locked(c);

    int r = lp_kube_exec_run(c->exec, info, stop, &got, err);
    if (r < 0)
        return r;
    replace(&c->token, &got.token);
    bool tls = replace(&c->cert_pem, &got.cert_pem);
    tls |= replace(&c->key_pem, &got.key_pem);
    if (tls)
        changed_locked(c);
    c->expires_wall_ms = got.expires_wall_ms;
    free(got.token);
    free(got.cert_pem);
    free(got.key_pem);
    return 0;
}

static int renew_locked(struct lp_kube_config *c, bool refused, struct lp_stop *stop,
                        struct lp_error *err)
{
    struct lp_error why;

    if (refused || lp_clock_ms() - c->read_ms >= REREAD_MS)
        reread_files_locked(c);
    if (!c->exec || (!refused && lp_clock_wall_ms() < c->expires_wall_ms - EXPIRY_MARGIN_MS))
        return 0;
    int r = ask_plugin_locked(c, stop, &why);
    if (r == 0)
        return 0;
    if (c->expires_wall_ms == 0 || r == LP_E_CANCELED) {
        *err = why;
        return r;
    }
    lp_log_debug("credentials kept", "error", why.msg);
    c->expires_wall_ms = lp_clock_wall_ms() + EXPIRY_MARGIN_MS + PLUGIN_RETRY_MS;
    return 0;
}

int lp_kube_auth_get(struct lp_kube_config *c, const char *refused, struct lp_stop *stop,
                     struct lp_kube_credentials *ret, struct lp_error *err)
{
    pthread_mutex_lock(&c->lock);
    bool again = refused && (!c->token || strcmp(refused, c->token) == 0);
    int r = renew_locked(c, again, stop, err);
    if (r == 0) {
        ret->token = lp_strdup(c->token);
        ret->generation = c->generation;
    }
    pthread_mutex_unlock(&c->lock);
    return r;
}

bool lp_kube_auth_renewable(const struct lp_kube_config *c)
{
    return c->token_file || c->exec;
}
