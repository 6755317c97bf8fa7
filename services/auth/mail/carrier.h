/* services/auth/mail/carrier.h -- brings one message to a mail server, or into a folder. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/error.h"

struct carrier_options {
    const char *smtp_url; /* smtp://user:password@host:587 (STARTTLS), smtps://…; "": none */
    const char *ca_file;  /* PEM; "": the system's */
    bool plain;           /* no TLS on smtp://; else a server without STARTTLS gets nothing */
    const char *dir;      /* where smtp_url is "": a file per message; "": none */
    const atomic_bool *stopping; /* ends a transfer */
};

/*
 * At most 20 s. `id` names the message's file. LP_E_UNAVAILABLE: try again later; the reason names
 * neither the receiver nor a password.
 */
LP_MUST_USE int carrier_send(const struct carrier_options *o, const char *id, const char *from,
                             const char *to, const struct lp_buf *message, struct lp_error *err);
