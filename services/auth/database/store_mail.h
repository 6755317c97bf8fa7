/* services/auth/database/store_mail.h -- mails that wait, and the one-time codes that they carry.
 */
#pragma once

#include <libpq-fe.h>

#include "base/error.h"
#include "services/auth/database/store.h"

/* A code is good for 15 minutes from its sending. A mail is tried 12 times, 15 s apart, doubled up
 * to an hour; then it is given up. */
#define STORE_CODE_HASH 65 /* SHA-256 in hexadecimal, with the NUL */

enum store_mail_kind { STORE_MAIL_VERIFY, STORE_MAIL_RESET };

/*
 * Puts a mail for the account of `email` into the queue; does nothing, and fails not, where there
 * is no such account, where it is disabled, where nothing is left to verify, or where three were
 * asked for within the last hour. All functions here: errors of lp_db_run. Any thread.
 */
LP_MUST_USE int store_ask_mail(struct lp_db *db, enum store_mail_kind kind, const char *email,
                               struct lp_error *err);

/* A mail to send. */
struct store_mail {
    struct store_user user; /* to whom; the caller's (store_user_done), with `id` */
    enum store_mail_kind kind;
    const char *id;
};
/* Takes the next one that is due: no other pod sends it until its next attempt. LP_E_NOT_FOUND. */
LP_MUST_USE int store_take_mail(struct lp_db *db, struct store_mail *ret_mail,
                                struct lp_error *err);
LP_MUST_USE int store_mail_sent(struct lp_db *db, const char *mail_id, struct lp_error *err);

LP_MUST_USE int store_add_code(struct lp_db *db, enum store_mail_kind kind, const char *user_id,
                               const char *code_hash, struct lp_error *err);
/* Whether it could be used now. LP_E_DENIED. */
LP_MUST_USE int store_peek_code(struct lp_db *db, enum store_mail_kind kind, const char *code_hash,
                                struct lp_error *err);

/* Each uses up a code at once. LP_E_DENIED: unknown, used or expired, or a disabled account.
 * _reset: the new password's hash, an end to all sessions and other codes. */
LP_MUST_USE int store_use_verify(struct lp_db *db, const char *code_hash, char ret_id[STORE_UUID],
                                 struct lp_error *err);
struct store_owner {
    char id[STORE_UUID], email[255]; /* RFC 5321, 4.5.3.1.3, with the NUL; "": not known now */
};
LP_MUST_USE int store_use_reset(struct lp_db *db, const char *code_hash, const char *password_hash,
                                struct store_owner *ret_owner, struct lp_error *err);
