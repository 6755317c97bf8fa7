/* No state. */
#include "services/auth/oidc/claims.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"

int claims_check(const json_t *claims, const char *client_id, const char *nonce, int64_t now_s,
                 struct lp_error *err)
{
    const char *sub = lp_json_str(claims, "sub", NULL), *seen = lp_json_str(claims, "nonce", NULL);
    const char *azp = lp_json_str(claims, "azp", NULL);
    const json_t *iat = json_object_get(claims, "iat");

    if (!sub || !*sub || strlen(sub) >= CLAIMS_SUBJECT)
        return lp_error_set(err, LP_E_DENIED, "ID token: sub must be 1 to %d bytes",
                            CLAIMS_SUBJECT - 1);
    if (!seen || strcmp(seen, nonce) != 0)
        return lp_error_set(err, LP_E_DENIED, "ID token: nonce is not that of this login");
    if (json_array_size(json_object_get(claims, "aud")) > 1 && !azp)
        return lp_error_set(err, LP_E_DENIED, "ID token: azp is missing beside several aud");
    if (json_object_get(claims, "azp") && !(azp && strcmp(azp, client_id) == 0))
        return lp_error_set(err, LP_E_DENIED, "ID token: azp is not our client");
    if (!json_is_number(iat) || json_number_value(iat) > (double)(now_s + CLAIMS_LEEWAY_S))
        return lp_error_set(err, LP_E_DENIED, "ID token: iat is missing or in the future");
    return 0;
}

/* A member of that very name, as "https://example.org/roles" is one; else step by step. */
static const json_t *claim_at(const json_t *claims, const char *name)
{
    const json_t *whole = json_object_get(claims, name), *at = claims;
    if (whole)
        return whole;
    for (size_t n; at && *name; name += n + (name[n] == '.')) {
        n = strcspn(name, ".");
        at = json_object_getn(at, name, n);
    }
    return at;
}

bool claims_are_complete(const json_t *claims, const struct oidc_settings *settings)
{
    return json_object_get(claims, "email") && json_object_get(claims, "email_verified") &&
           json_object_get(claims, "name") &&
           (!settings->role_claim[0] || claim_at(claims, settings->role_claim));
}

static int rank_of(const json_t *value, const json_t *roles)
{
    const char *text = json_string_value(value);
    return text ? oidc_role_rank(json_string_value(json_object_get(roles, text))) : -1;
}

static const char *role_of(const json_t *claim, const json_t *roles)
{
    int highest = rank_of(claim, roles);
    const json_t *item;
    size_t i;
    json_array_foreach(claim, i, item)
    {
        int rank = rank_of(item, roles);
        highest = rank > highest ? rank : highest;
    }
    return oidc_role_name(highest);
}

static bool take_name(const json_t *value, struct validate_account *account)
{
    json_t *details = NULL;
    validate_name(value, account, &details);
    bool good = !details;
    json_decref(details);
    return good;
}

static void find_name(const json_t *claims, struct validate_account *account)
{
    static const char *const members[] = { "name", "preferred_username", "nickname", "given_name" };
    for (size_t i = 0; i < LP_COUNT(members); i++)
        if (take_name(json_object_get(claims, members[i]), account))
            return;
    json_auto_t *local = json_stringn(account->email, strcspn(account->email, "@"));
    if (!take_name(local, account))
        snprintf(account->name, sizeof account->name, "Learner");
}

/* Some issuers write the truth as a text in userinfo. */
static bool is_true(const json_t *value)
{
    const char *text = json_string_value(value);
    return json_is_true(value) || (text && strcmp(text, "true") == 0);
}

void claims_person(const json_t *claims, const struct oidc_settings *settings, const json_t *roles,
                   struct claims_person *ret_person)
{
    json_t *details = NULL;
    *ret_person = (struct claims_person){ 0 };
    snprintf(ret_person->subject, sizeof ret_person->subject, "%s",
             lp_json_str(claims, "sub", NULL));
    validate_email(json_object_get(claims, "email"), &ret_person->account, &details);
    ret_person->email_verified = !details && is_true(json_object_get(claims, "email_verified"));
    json_decref(details);
    find_name(claims, &ret_person->account);
    if (settings->role_claim[0])
        ret_person->role = role_of(claim_at(claims, settings->role_claim), roles);
}
