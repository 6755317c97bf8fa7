/*
 * The queue is a table, so that a mail server that is away fails no registration and a pod that
 * dies loses no mail. The code of a link is made when its mail is sent: the queue holds none, and
 * its quarter of an hour begins there.
 *
 * Threads: `lock` guards `woken`; the rest belongs to `auth-mail` after the start.
 */
#include "services/auth/mail/courier.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "metrics/metrics.h"
#include "services/auth/mail/code.h"
#include "services/auth/database/store_mail.h"
#include "services/auth/mail/carrier.h"
#include "services/auth/mail/message.h"

#define LOOK_MS 5000
#define AWAY_MS 30000 /* the database is not there: look again later */

struct courier {
    struct courier_options options;
    struct carrier_options carrier;
    char *templates[2]; /* by enum store_mail_kind */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken;
    atomic_bool stopping;
    struct lp_metric *sent, *failed;
};

static const char *const paths[] = {
    [STORE_MAIL_VERIFY] = "/api/auth/verify-email/callback?token=",
    [STORE_MAIL_RESET] = "/api/auth/password-reset/callback?token=",
};

static int compose(struct courier *c, const struct store_mail *mail, struct lp_buf *out,
                   struct lp_error *err)
{
    char code[CODE_TEXT], hash[STORE_CODE_HASH], id[80];
    int r = code_make(code, hash, err);
    if (r == 0)
        r = store_add_code(c->options.db, mail->kind, mail->user.id, hash, err);
    if (r < 0)
        return r;
    lp_auto_free char *link =
        lp_sprintf("%s%s%s&type=email", c->options.link_base, paths[mail->kind], code);
    snprintf(id, sizeof id, "%s.%.16s", mail->id, hash);
    const struct message m = { .template = c->templates[mail->kind],
                               .from = c->options.from,
                               .to = mail->user.email,
                               .name = mail->user.name,
                               .link = link,
                               .id = id,
                               .wall_ms = lp_clock_wall_ms() };
    r = message_write(&m, out, err);
    OPENSSL_cleanse(code, sizeof code);
    OPENSSL_cleanse(link, strlen(link));
    return r;
}

static int send_mail(struct courier *c, const struct store_mail *mail, struct lp_error *err)
{
    lp_auto_buf struct lp_buf message = LP_BUF_INIT(MESSAGE_MAX);
    char id[80];
    snprintf(id, sizeof id, "%lld-%s", (long long)lp_clock_wall_ms(), mail->id);
    int r = compose(c, mail, &message, err);
    if (r == 0)
        r = carrier_send(&c->carrier, id, c->options.from, mail->user.email, &message, err);
    /* an address that none can be sent to is done with */
    if (r == 0 || r == LP_E_INVALID) {
        struct lp_error why;
        if (store_mail_sent(c->options.db, mail->id, &why) < 0)
            lp_log_warn("mail is sent again, as it could not be noted", "error", why.msg);
    }
    return r;
}

/* Until none is due. The wait until the next look, in ms. */
static int64_t send_all(struct courier *c)
{
    struct store_mail mail;
    struct lp_error err;
    while (!atomic_load(&c->stopping)) {
        int r = store_take_mail(c->options.db, &mail, &err);
        if (r < 0)
            return r == LP_E_NOT_FOUND ? LOOK_MS : AWAY_MS;
        r = send_mail(c, &mail, &err);
        lp_metric_add(r == 0 ? c->sent : c->failed, 1);
        if (r < 0)
            lp_log_warn("mail not sent", "mail", mail.id, "error", err.msg);
        store_user_done(&mail.user);
    }
    return 0;
}

static void *courier_run(void *arg)
{
    struct courier *c = arg;
    while (!atomic_load(&c->stopping)) {
        struct timespec until = lp_clock_deadline(send_all(c));
        pthread_mutex_lock(&c->lock);
        int late = 0;
        while (!c->woken && !atomic_load(&c->stopping) && late == 0)
            late = pthread_cond_clockwait(&c->changed, &c->lock, CLOCK_MONOTONIC, &until);
        c->woken = false;
        pthread_mutex_unlock(&c->lock);
    }
    return NULL;
}

static int read_template(const char *dir, const char *name, const char *fallback, char **ret_text,
                         struct lp_error *err)
{
    if (!dir[0]) {
        *ret_text = lp_strdup(fallback);
        return 0;
    }
    lp_auto_free char *path = lp_sprintf("%s/%s.txt", dir, name);
    FILE *f = fopen(path, "re");
    char *text = lp_alloc(MESSAGE_MAX + 1);
    size_t n = f ? fread(text, 1, MESSAGE_MAX + 1, f) : 0;
    if (f)
        fclose(f);
    *ret_text = text;
    if (n == 0 || n > MESSAGE_MAX || strncmp(text, "Subject: ", 9) != 0)
        return lp_error_set(err, LP_E_INVALID,
                            "MAIL_TEMPLATE_DIR: %s.txt must be a text of at most %d bytes that "
                            "begins with \"Subject: \"",
                            name, MESSAGE_MAX);
    text[n] = '\0';
    return 0;
}

static void make_metrics(struct courier *c)
{
    struct lp_metric_family *f = lp_metric_family(LP_METRIC_COUNTER, "lp_auth_mails_total",
                                                  "Attempts to send a mail", "result", NULL, 0);
    c->sent = lp_metric_with(f, "sent");
    c->failed = lp_metric_with(f, "failed");
}

static int start(struct courier *c, struct lp_error *err)
{
    const char *dir = c->options.template_dir;
    int r = read_template(dir, "verify", message_verify, &c->templates[STORE_MAIL_VERIFY], err);
    if (r == 0)
        r = read_template(dir, "reset", message_reset, &c->templates[STORE_MAIL_RESET], err);
    if (r < 0)
        return r;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 ||
        pthread_create(&c->thread, NULL, courier_run, c) != 0)
        return lp_error_set(err, LP_E_INTERNAL, "cannot start the thread of mails");
    pthread_setname_np(c->thread, "auth-mail");
    return 0;
}

static void destroy(struct courier *c)
{
    free(c->templates[0]);
    free(c->templates[1]);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

int courier_new(const struct courier_options *options, struct courier **ret_courier,
                struct lp_error *err)
{
    *ret_courier = NULL;
    if (!options->smtp_url[0] && !options->mail_dir[0])
        return 0;
    struct courier *c = lp_alloc(sizeof *c);
    c->options = *options;
    c->carrier = (struct carrier_options){ .smtp_url = options->smtp_url,
                                           .ca_file = options->smtp_ca_file,
                                           .plain = strcmp(options->smtp_tls, "off") == 0,
                                           .dir = options->mail_dir,
                                           .stopping = &c->stopping };
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    make_metrics(c);
    int r = start(c, err);
    if (r < 0)
        destroy(c);
    else
        *ret_courier = c;
    return r;
}

void courier_free(struct courier *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    atomic_store(&c->stopping, true);
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    destroy(c);
}

void courier_wake(struct courier *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->woken = true;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
}
