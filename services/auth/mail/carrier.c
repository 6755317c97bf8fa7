/* A connection per message: mails are few. One thread. */
#include "services/auth/mail/carrier.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

#define TOTAL_MS 20000L
#define CONNECT_MS 5000L

struct reading {
    const struct lp_buf *message;
    size_t at;
};

static size_t give(char *buffer, size_t size, size_t count, void *user)
{
    struct reading *r = user;
    size_t left = r->message->len - r->at;
    size_t n = size * count < left ? size * count : left;
    memcpy(buffer, r->message->ptr + r->at, n);
    r->at += n;
    return n;
}

static int end_when_stopping(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const atomic_bool *stopping = user;
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return atomic_load(stopping);
}

static void set_transport(CURL *c, const struct carrier_options *o)
{
    curl_easy_setopt(c, CURLOPT_URL, o->smtp_url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(c, CURLOPT_USE_SSL, o->plain ? (long)CURLUSESSL_NONE : (long)CURLUSESSL_ALL);
    if (o->ca_file[0])
        curl_easy_setopt(c, CURLOPT_CAINFO, o->ca_file);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, TOTAL_MS);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, end_when_stopping);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, o->stopping);
}

static int send_by_smtp(const struct carrier_options *o, const char *from, const char *to,
                        const struct lp_buf *message, struct lp_error *err)
{
    struct reading reading = { message, 0 };
    CURL *c = curl_easy_init();
    struct curl_slist *receivers = curl_slist_append(NULL, to);
    CURLcode r = CURLE_OUT_OF_MEMORY;
    long code = 0;
    if (c && receivers) {
        set_transport(c, o);
        curl_easy_setopt(c, CURLOPT_MAIL_FROM, from);
        curl_easy_setopt(c, CURLOPT_MAIL_RCPT, receivers);
        curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(c, CURLOPT_READFUNCTION, give);
        curl_easy_setopt(c, CURLOPT_READDATA, &reading);
        r = curl_easy_perform(c);
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &code);
    }
    curl_slist_free_all(receivers);
    curl_easy_cleanup(c);
    if (r != CURLE_OK)
        return lp_error_set(err, LP_E_UNAVAILABLE, "mail server: %s (last reply %ld)",
                            curl_easy_strerror(r), code);
    return 0;
}

static int write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t written = write(fd, bytes, n);
        if (written < 0 && errno != EINTR)
            return -1;
        bytes += written > 0 ? written : 0;
        n -= written > 0 ? (size_t)written : 0;
    }
    return 0;
}

/* Under another name until it is whole, so that nobody reads half a message. */
static int put_into_folder(const struct carrier_options *o, const char *id,
                           const struct lp_buf *message, struct lp_error *err)
{
    lp_auto_free char *part = lp_sprintf("%s/.%s.part", o->dir, id);
    lp_auto_free char *whole = lp_sprintf("%s/%s.eml", o->dir, id);
    lp_auto_fd int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || write_all(fd, message->ptr, message->len) < 0 || rename(part, whole) < 0)
        return lp_error_set(err, LP_E_UNAVAILABLE, "mail folder: %s", strerror(errno));
    return 0;
}

int carrier_send(const struct carrier_options *o, const char *id, const char *from, const char *to,
                 const struct lp_buf *message, struct lp_error *err)
{
    if (o->smtp_url[0])
        return send_by_smtp(o, from, to, message, err);
    return put_into_folder(o, id, message, err);
}
