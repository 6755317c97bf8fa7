/* services/auth/mail/message.h -- the text of a mail (RFC 5322), from a template. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define MESSAGE_MAX 65536 /* bytes of a template, and of a message */

/* What a template's {{name}} and {{link}} stand for, and who gets the message. */
struct message {
    const char *template; /* "Subject: …", an empty line, the text; UTF-8 */
    const char *from, *to, *name, *link;
    const char *id;  /* unique, of letters, digits, '-' and '.' */
    int64_t wall_ms; /* its date */
};

/*
 * Appends the message: the text in base64, so that no line of it is too long and none ends the
 * message. LP_E_INVALID: `from` or `to` is no e-mail address (CR, LF and other controls are in
 * none), or the template has no subject of one line; LP_E_TOO_LARGE.
 */
LP_MUST_USE int message_write(const struct message *m, struct lp_buf *out, struct lp_error *err);

/* The templates that there are without a folder of one's own. */
extern const char message_verify[], message_reset[];
