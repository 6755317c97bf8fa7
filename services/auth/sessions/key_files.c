/*
 * The kubelet exchanges the files of a mounted Secret within about a minute. Whoever changes keys
 * puts the new one first and leaves the old one behind it until its tokens have expired, so no pod
 * needs to know of the others.
 */
#include "services/auth/sessions/key_files.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/log.h"
#include "base/stop.h"

#define SECRET_MIN 16
#define FILE_MAX 4096

struct key_watch {
    const char *dir;
    struct tokens_options options; /* without files */
    struct tokens *tokens;
    struct key_files seen; /* the last ones, good or not */
    struct lp_stop *stop;
    pthread_t thread;
    bool runs;
};

/* What the keys of `options` must be beside what tokens_new() says: one of access and signing, 16
 * bytes and more, access other than refresh. LP_E_INVALID; the message names the variable. */
static int key_files_check(const struct tokens_options *o, struct lp_error *err)
{
    size_t n = strlen(o->access_secrets), refresh = strlen(o->refresh_secrets);
    if (n == 0 && !o->signing_keys[0])
        return lp_error_set(err, LP_E_INVALID,
                            "JWT_SECRET, JWT_SIGNING_KEY: one of them is required");
    if (n > 0 && (n < SECRET_MIN || n > FILE_MAX))
        return lp_error_set(err, LP_E_INVALID, "JWT_SECRET: must be a string of 16 to 4096 bytes");
    if (refresh < SECRET_MIN || refresh > FILE_MAX)
        return lp_error_set(err, LP_E_INVALID,
                            "JWT_REFRESH_SECRET: must be a string of 16 to 4096 bytes");
    if (o->signing_keys[0] && !tokens_are_signing_keys(o->signing_keys))
        return lp_error_set(err, LP_E_INVALID,
                            "JWT_SIGNING_KEY: must be Ed25519 private keys, PKCS #8 in PEM");
    if (strcmp(o->access_secrets, o->refresh_secrets) == 0)
        return lp_error_set(err, LP_E_INVALID,
                            "JWT_REFRESH_SECRET: must differ from JWT_SECRET, or a refresh token "
                            "would open what asks for an access token");
    return 0;
}

static void wipe(char *text)
{
    if (text)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
}

void key_files_done(struct key_files *f)
{
    wipe(f->access);
    wipe(f->refresh);
    wipe(f->signing);
    *f = (struct key_files){ 0 };
}

static int read_one(const char *dir, const char *name, char **ret_text, const char **io_option,
                    struct lp_error *err)
{
    lp_auto_free char *path = lp_sprintf("%s/%s", dir, name);
    int r = lp_file_read(path, name, ret_text, err);
    if (r == LP_E_NOT_FOUND)
        return 0;
    if (r < 0)
        return r;
    size_t n = strlen(*ret_text);
    if (n > FILE_MAX)
        return lp_error_set(err, LP_E_TOO_LARGE, "%s: %zu bytes, at most %d are allowed", name, n,
                            FILE_MAX);
    while (n > 0 && strchr(" \t\r\n", (*ret_text)[n - 1]))
        (*ret_text)[--n] = '\0';
    *io_option = *ret_text;
    return 0;
}

int key_files_read(const char *dir, struct key_files *io_files, struct tokens_options *io_options,
                   struct lp_error *err)
{
    struct tokens_options *o = io_options;
    int r = 0;
    if (*dir)
        r = read_one(dir, "access", &io_files->access, &o->access_secrets, err);
    if (r == 0 && *dir)
        r = read_one(dir, "refresh", &io_files->refresh, &o->refresh_secrets, err);
    if (r == 0 && *dir)
        r = read_one(dir, "signing.pem", &io_files->signing, &o->signing_keys, err);
    return r < 0 ? r : key_files_check(o, err);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same(const struct key_files *a, const struct key_files *b)
{
    return same_text(a->access, b->access) && same_text(a->refresh, b->refresh) &&
           same_text(a->signing, b->signing);
}

bool key_watch_look(struct key_watch *w)
{
    auto_key_files struct key_files now = { 0 };
    struct tokens_options options = w->options;
    struct lp_error err;
    int r = key_files_read(w->dir, &now, &options, &err);
    if (same(&now, &w->seen))
        return false;
    if (r == 0)
        r = tokens_replace(w->tokens, &options, &err);
    key_files_done(&w->seen);
    w->seen = now;
    now = (struct key_files){ 0 };
    if (r < 0)
        lp_log_error("keys of tokens cannot be used, the former ones stay", "error", err.msg);
    else
        lp_log_info("keys of tokens were read again");
    return r == 0;
}

static void *watch_run(void *user)
{
    struct key_watch *w = user;
    while (!lp_stop_wait(w->stop, KEY_FILES_LOOK_MS))
        key_watch_look(w);
    return NULL;
}

int key_watch_new(const char *dir, const struct tokens_options *options, struct tokens *tokens,
                  struct key_watch **ret_watch, struct lp_error *err)
{
    *ret_watch = NULL;
    if (!*dir)
        return 0;
    struct key_watch *w = lp_alloc(sizeof *w);
    struct tokens_options first = *options;
    w->dir = dir;
    w->options = *options;
    w->tokens = tokens;
    w->stop = lp_stop_new();
    int r = key_files_read(dir, &w->seen, &first, err);
    if (r == 0)
        r = tokens_replace(tokens, &first, err);
    if (r == 0 && pthread_create(&w->thread, NULL, watch_run, w) != 0)
        r = lp_error_set(err, LP_E_INTERNAL, "cannot start the thread that reads keys again");
    if (r < 0) {
        key_watch_free(w);
        return r;
    }
    w->runs = true;
    pthread_setname_np(w->thread, "auth-keys");
    *ret_watch = w;
    return 0;
}

void key_watch_free(struct key_watch *w)
{
    if (!w)
        return;
    lp_stop_request(w->stop);
    if (w->runs)
        pthread_join(w->thread, NULL);
    lp_stop_free(w->stop);
    key_files_done(&w->seen);
    free(w);
}
