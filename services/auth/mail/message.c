/* Pure; any thread. */
#include "services/auth/mail/message.h"

#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "services/auth/http/validate.h"

#define SUBJECT "Subject: "
#define LINE_BYTES 57 /* 76 digits of base64 (RFC 2045, 6.8) */

const char message_verify[] =
    "Subject: Confirm your e-mail address\n"
    "\n"
    "Hello {{name}},\n"
    "\n"
    "please confirm your e-mail address for the learning platform:\n"
    "\n"
    "{{link}}\n"
    "\n"
    "The link is good for 15 minutes. If you did not register, you need not do anything.\n";

const char message_reset[] =
    "Subject: Choose a new password\n"
    "\n"
    "Hello {{name}},\n"
    "\n"
    "somebody asked for a new password for your account. To choose one, open:\n"
    "\n"
    "{{link}}\n"
    "\n"
    "The link is good for 15 minutes and can be used once. If it was not you, you need not do\n"
    "anything: your password stays as it is.\n";

static void add_base64(struct lp_buf *out, const char *bytes, size_t n, const char *end_of_line)
{
    for (size_t at = 0; at < n; at += LINE_BYTES) {
        size_t piece = n - at < LINE_BYTES ? n - at : LINE_BYTES;
        lp_base64_encode(bytes + at, piece, out);
        lp_buf_str(out, end_of_line);
    }
}

static bool is_plain(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (text[i] < ' ' || text[i] > '~')
            return false;
    return true;
}

/* Encoded words (RFC 2047) of at most 75 bytes, where the subject is not ASCII. */
static void add_subject(struct lp_buf *out, const char *text, size_t n)
{
    enum { WORD = 42 };
    lp_buf_str(out, SUBJECT);
    if (is_plain(text, n)) {
        lp_buf_add(out, text, n);
        lp_buf_str(out, "\r\n");
        return;
    }
    for (size_t at = 0; at < n;) {
        size_t piece = n - at < WORD ? n - at : WORD;
        while (at + piece < n && piece > 1 && ((unsigned char)text[at + piece] & 0xC0) == 0x80)
            piece--; /* not inside a character */
        lp_buf_str(out, at > 0 ? " =?UTF-8?B?" : "=?UTF-8?B?");
        add_base64(out, text + at, piece, "");
        at += piece;
        lp_buf_str(out, "?=\r\n");
    }
}

static void fill(struct lp_buf *out, const char *text, const struct message *m)
{
    while (*text) {
        const char *brace = strstr(text, "{{");
        size_t n = brace ? (size_t)(brace - text) : strlen(text);
        lp_buf_add(out, text, n);
        text += n;
        if (strncmp(text, "{{name}}", 8) == 0) {
            lp_buf_str(out, m->name);
            text += 8;
        } else if (strncmp(text, "{{link}}", 8) == 0) {
            lp_buf_str(out, m->link);
            text += 8;
        } else if (*text) {
            lp_buf_str(out, "{{");
            text += 2;
        }
    }
}

static void add_headers(const struct message *m, struct lp_buf *out)
{
    char date[64];
    time_t seconds = (time_t)(m->wall_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &utc); /* the C locale's names */
    lp_buf_printf(out, "Date: %s\r\nFrom: <%s>\r\nTo: <%s>\r\nMessage-ID: <%s%s>\r\n", date,
                  m->from, m->to, m->id, strchr(m->from, '@'));
    lp_buf_str(out, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                    "Content-Transfer-Encoding: base64\r\nAuto-Submitted: auto-generated\r\n\r\n");
}

int message_write(const struct message *m, struct lp_buf *out, struct lp_error *err)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(MESSAGE_MAX);
    size_t n = strcspn(m->template, "\r\n");
    const char *body = m->template + n;
    if (!validate_is_email(m->from) || !validate_is_email(m->to))
        return lp_error_set(err, LP_E_INVALID, "mail: sender or receiver is no e-mail address");
    if (strncmp(m->template, SUBJECT, strlen(SUBJECT)) != 0 || n == strlen(SUBJECT))
        return lp_error_set(err, LP_E_INVALID, "mail template: must begin with \"Subject: \"");
    add_subject(out, m->template + strlen(SUBJECT), n - strlen(SUBJECT));
    add_headers(m, out);
    fill(&text, body + strspn(body, "\r\n"), m);
    add_base64(out, text.ptr, text.len, "\r\n");
    if (text.overflowed || out->overflowed)
        return lp_error_set(err, LP_E_TOO_LARGE, "mail: over %d bytes", MESSAGE_MAX);
    return 0;
}
