/*
 * An address links an account only where the issuer has verified it. Where the account has not, its
 * password and sessions end with the linking (identities.c): whoever registered another's address
 * beforehand does not get into what that other one makes of it. An account is with one subject of
 * an issuer: an address that the issuer gives to the next person does not open it. Any worker
 * thread.
 */
#include "services/auth/oidc/linking.h"

#include <string.h>

#include "services/auth/accounts/audit.h"
#include "services/auth/auth.h"
#include "services/auth/database/store_admin.h"
#include "services/auth/database/store_sessions.h"
#include "services/auth/oidc/identities.h"

static int refuse(enum linking_refusal why, enum linking_refusal *ret_refusal, struct lp_error *err)
{
    *ret_refusal = why;
    return lp_error_set(err, LP_E_DENIED, "no account for this person of the issuer");
}

/* Who is linked already. LP_E_NOT_FOUND. */
static int known(struct lp_service_request *r, const struct identity_at *who,
                 struct store_user *ret_user, struct lp_error *err)
{
    const struct auth *auth = r->user;
    char id[STORE_UUID];
    bool changed = false;
    int done = identities_log_in(auth->db, who, id, &changed, err);
    if (done == 0 && changed)
        done = store_end_sessions_of(auth->db, id, NULL, err); /* those that began meanwhile, too */
    if (done == 0 && changed)
        audit_note(r, "role_changed", NULL, id, who->role ? who->role : "user");
    return done < 0 ? done : store_find_profile(auth->db, id, ret_user, err);
}

/* Without a password: "" is the hash of none. */
static int make_account(struct lp_service_request *r, const struct validate_account *account,
                        struct store_user *ret_user, struct lp_error *err)
{
    const struct auth *auth = r->user;
    char id[STORE_UUID];
    int done = store_create_user(auth->db, account->email, "", account->name, id, err);
    if (done == 0)
        audit_note(r, "registered", id, id, "at the issuer");
    if (done < 0 && done != LP_E_EXISTS) /* by another request, a moment ago: that one is it */
        return done;
    return store_find_by_email(auth->db, account->email, ret_user, err);
}

static int link_with(struct lp_service_request *r, const struct identity_at *who,
                     const struct store_user *user, struct lp_error *err)
{
    const struct auth *auth = r->user;
    bool taken_over = false, role_changed = who->role && strcmp(who->role, user->role) != 0;
    int done = identities_link(auth->db, who, user->id, user->role, &taken_over, err);
    if (done == 0 && (taken_over || role_changed)) /* those of logins that were under way, too */
        done = store_end_sessions_of(auth->db, user->id, NULL, err);
    if (done < 0)
        return done;
    audit_note(r, "identity_linked", user->id, user->id,
               taken_over ? "password and sessions ended" : NULL);
    if (role_changed)
        audit_note(r, "role_changed", NULL, user->id, who->role);
    return 0;
}

/* By the address; LP_E_EXISTS, LP_E_NOT_FOUND: something changed meanwhile. */
static int by_email(struct lp_service_request *r, const struct identity_at *who,
                    const struct claims_person *person, enum linking_refusal *ret_refusal,
                    struct lp_error *err)
{
    const struct auth *auth = r->user;
    store_auto_user struct store_user user = { 0 };
    if (!person->email_verified)
        return refuse(LINKING_NO_EMAIL, ret_refusal, err);
    int done = store_find_by_email(auth->db, person->account.email, &user, err);
    if (done == LP_E_NOT_FOUND)
        done = make_account(r, &person->account, &user, err);
    if (done < 0)
        return done;
    if (user.disabled_at)
        return refuse(LINKING_DISABLED, ret_refusal, err);
    if (oidc_role_rank(user.role) == oidc_role_rank("admin") &&
        oidc_role_rank(who->role) < oidc_role_rank("admin"))
        return refuse(LINKING_ADMIN, ret_refusal, err);
    return link_with(r, who, &user, err);
}

int linking_account(struct lp_service_request *r, const char *issuer,
                    const struct claims_person *person, struct store_user *ret_user,
                    enum linking_refusal *ret_refusal, struct lp_error *err)
{
    const struct identity_at who = { issuer, person->subject, person->role };
    *ret_refusal = LINKING_NONE;
    int done = known(r, &who, ret_user, err);
    if (done == LP_E_NOT_FOUND) {
        int linked = by_email(r, &who, person, ret_refusal, err);
        if (linked < 0 && linked != LP_E_EXISTS && linked != LP_E_NOT_FOUND)
            return linked;
        done = known(r, &who, ret_user, err); /* by this request, or by one beside it */
        if (done == LP_E_NOT_FOUND)
            return refuse(LINKING_OTHER, ret_refusal, err);
    }
    if (done == 0 && ret_user->disabled_at)
        return refuse(LINKING_DISABLED, ret_refusal, err);
    return done;
}
