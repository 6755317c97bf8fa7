/* services/auth/mail/courier.h -- sends the mails that wait in the database. */
#pragma once

#include "base/error.h"
#include "postgres/db.h"

/* Opaque: hides a lock and a thread. */
struct courier;

/* Texts are borrowed; "" where not given. */
struct courier_options {
    struct lp_db *db;
    const char *smtp_url, *smtp_ca_file, *smtp_tls; /* smtp_tls: "required" or "off" */
    const char *mail_dir;
    const char *from;         /* an e-mail address */
    const char *link_base;    /* what the links of mails begin with */
    const char *template_dir; /* verify.txt and reset.txt in place of ours */
};

/*
 * Starts a thread that sends what is due, now when woken and every five seconds. A mail that cannot
 * be sent is tried again (database/store_mail.h); any number of pods share the queue. *ret_courier
 * is NULL where neither smtp_url nor mail_dir is given: mails then wait for a day and are removed.
 * LP_E_INVALID: a template.
 */
LP_MUST_USE int courier_new(const struct courier_options *options, struct courier **ret_courier,
                            struct lp_error *err);
void courier_free(struct courier *c);

/* There is a new mail. NULL is fine. Any thread. */
void courier_wake(struct courier *c);
