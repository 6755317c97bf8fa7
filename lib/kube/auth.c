/* lib/kube/auth.c -- keeps credentials fresh. Whoever needs them looks at the clock first: files
 * every 60 s, a plugin shortly before its answer expires. One thread renews at a time, without the
 * lock, so that the others go on with what is still good. */
#include "kube/auth.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/heartbeat.h"
#include "base/log.h"
#include "json/json.h"

#define REREAD_MS 60000
#define EXPIRY_MARGIN_MS 10000
#define WAIT_BEAT_MS 1000
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

/* What the files say now; NULL where there is none, or it cannot be read, or is empty as during a
 * rotation: then what we have stays. */
struct fresh {
    char *ca_pem, *cert_pem, *key_pem, *token;
};

static void fresh_done(struct fresh *f)
{
    free(f->ca_pem);
    free(f->cert_pem);
    free(f->key_pem);
    free(f->token);
}

static char *reread(const char *path, bool trim)
{
    char *text = NULL;
    struct lp_error err;

    if (!path)
        return NULL;
    if (lp_file_read(path, "credentials", &text, &err) < 0) {
        lp_log_debug("credentials kept", "error", err.msg);
        return NULL;
    }
    if (trim)
        text[strcspn(text, "\r\n")] = '\0';
    if (*text)
        return text;
    free(text);
    return NULL;
}

/* No session of the old certificate is resumed with the new one. */
static void changed_locked(struct lp_kube_config *c)
{
    lp_http_share_free(c->share);
    c->share = lp_http_share_new();
    c->generation++;
}

static void use_locked(struct lp_kube_config *c, struct fresh *f)
{
    bool tls = replace(&c->ca_pem, &f->ca_pem);

    tls |= replace(&c->cert_pem, &f->cert_pem);
    tls |= replace(&c->key_pem, &f->key_pem);
    replace(&c->token, &f->token);
    if (tls)
        changed_locked(c);
}

static void reread_files(struct lp_kube_config *c)
{
    __attribute__((cleanup(fresh_done))) struct fresh f = { .ca_pem = reread(c->ca_file, false),
                                                            .cert_pem = reread(c->cert_file, false),
                                                            .key_pem = reread(c->key_file, false),
                                                            .token = reread(c->token_file, true) };
    pthread_mutex_lock(&c->lock);
    use_locked(c, &f);
    c->read_ms = lp_clock_ms();
    pthread_mutex_unlock(&c->lock);
}

/* ExecCredential.spec.cluster, for plugins that ask for it. */
static json_t *cluster_info(const struct lp_kube_config *c)
{
    if (!c->exec->cluster_info)
        return NULL;
    json_t *info =
        lp_json_make("{s:s, s:b}", "server", c->server, "insecure-skip-tls-verify", c->insecure);
    lp_json_set_str(info, "tls-server-name", c->tls_server_name);
    return info;
}

/* Where there is an older answer a failure leaves it for a while. */
static int keep_locked(struct lp_kube_config *c, int r, const struct lp_error *why,
                       struct lp_error *err)
{
    if (c->expires_wall_ms == 0 || r == LP_E_CANCELED) {
        *err = *why;
        return r;
    }
    lp_log_debug("credentials kept", "error", why->msg);
    c->expires_wall_ms = lp_clock_wall_ms() + EXPIRY_MARGIN_MS + PLUGIN_RETRY_MS;
    return 0;
}

static int ask_plugin(struct lp_kube_config *c, struct lp_stop *stop, struct lp_error *err)
{
    struct lp_kube_exec_result got = { .expires_wall_ms = INT64_MAX };
    json_auto_t *info = cluster_info(c);
    struct lp_error why;

    int r = lp_kube_exec_run(c->exec, info, stop, &got, &why);
    __attribute__((cleanup(fresh_done))) struct fresh f = { .cert_pem = got.cert_pem,
                                                            .key_pem = got.key_pem,
                                                            .token = got.token };
    pthread_mutex_lock(&c->lock);
    if (r == 0) {
        use_locked(c, &f);
        c->expires_wall_ms = got.expires_wall_ms;
    } else {
        r = keep_locked(c, r, &why, err);
    }
    pthread_mutex_unlock(&c->lock);
    return r;
}

static bool needs_files_locked(const struct lp_kube_config *c, bool refused)
{
    return refused || lp_clock_ms() - c->read_ms >= REREAD_MS;
}

static bool needs_plugin_locked(const struct lp_kube_config *c, bool refused)
{
    return c->exec && (refused || lp_clock_wall_ms() >= c->expires_wall_ms - EXPIRY_MARGIN_MS);
}

/* Reads files and runs the plugin without the lock: it may take a minute, or ask a human. */
static int renew(struct lp_kube_config *c, bool refused, struct lp_stop *stop, struct lp_error *err)
{
    pthread_mutex_lock(&c->lock);
    bool files = needs_files_locked(c, refused), plugin = needs_plugin_locked(c, refused);
    pthread_mutex_unlock(&c->lock);

    if (files)
        reread_files(c);
    return plugin ? ask_plugin(c, stop, err) : 0;
}

/* A second at most, for the thread that renews. */
static int wait_locked(struct lp_kube_config *c, struct lp_stop *stop, struct lp_error *err)
{
    struct timespec beat = lp_clock_deadline(WAIT_BEAT_MS);

    pthread_cond_clockwait(&c->renewed, &c->lock, CLOCK_MONOTONIC, &beat);
    lp_heartbeat();
    return lp_stop_requested(stop)
               ? lp_error_set(err, LP_E_CANCELED, "stopped while credentials were renewed")
               : 0;
}

static int renew_locked(struct lp_kube_config *c, bool refused, struct lp_stop *stop,
                        struct lp_error *err)
{
    c->renewing = true;
    pthread_mutex_unlock(&c->lock);
    int r = renew(c, refused, stop, err);
    pthread_mutex_lock(&c->lock);
    c->renewing = false;
    pthread_cond_broadcast(&c->renewed);
    return r;
}

/*
 * One thread renews. The others go on with what there is while that is good (a token that is about
 * to end), and wait where it is not (refused, or there never was one): as long as a plugin may
 * take.
 */
static int make_good_locked(struct lp_kube_config *c, const char *refused, struct lp_stop *stop,
                            struct lp_error *err)
{
    for (;;) {
        bool again = refused && (!c->token || strcmp(refused, c->token) == 0);
        bool usable = !again && (!c->exec || lp_clock_wall_ms() < c->expires_wall_ms);

        if (!needs_files_locked(c, again) && !needs_plugin_locked(c, again))
            return 0;
        if (!c->renewing)
            return renew_locked(c, again, stop, err);
        if (usable)
            return 0;
        int r = wait_locked(c, stop, err);
        if (r < 0)
            return r;
    }
}

int lp_kube_auth_get(struct lp_kube_config *c, const char *refused, struct lp_stop *stop,
                     struct lp_kube_credentials *ret, struct lp_error *err)
{
    pthread_mutex_lock(&c->lock);
    int r = make_good_locked(c, refused, stop, err);
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
