/*
 * A login: the account and the failures of late, the password, a session. What guessing costs:
 * account and address together back off (429 with Retry-After, nothing is hashed); an account or an
 * address as a whole is only slowed, its answers being held back without a worker (http/slow.c).
 */
#include "services/auth/accounts/login.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "json/json.h"
#include "services/auth/accounts/audit.h"
#include "services/auth/auth.h"
#include "services/auth/http/body.h"
#include "services/auth/http/client.h"
#include "services/auth/http/reply.h"
#include "services/auth/http/slow.h"
#include "services/auth/http/validate.h"
#include "services/auth/passwords/checks.h"
#include "services/auth/sessions/session.h"
#include "services/auth/sessions/tokens.h"

#define INVALID "Invalid login credentials"
#define TOO_MANY "Too many failed logins. Try again later."
#define DISABLED "This account is disabled"
#define FREE_OF_ACCOUNT 10
#define FREE_OF_ADDRESS 100

/* What one login works with. */
struct attempt {
    struct lp_service_request *r;
    const struct validate_account *account;
    struct store_guess_keys keys;
    struct store_guesses guesses;
    struct store_user user;
    bool again, changed; /* the second time; the account changed since it was read */
};

static bool client_gone(const void *exchange)
{
    return lp_http_client_gone(exchange);
}

static void hash_key(const char *email, const char *network, char ret_key[STORE_GUESS_KEY])
{
    char text[VALIDATE_EMAIL_MAX + CLIENT_ADDRESS + 2];
    unsigned char digest[SHA256_DIGEST_LENGTH];
    int n = snprintf(text, sizeof text, "%s\n%s", email, network);
    SHA256((const unsigned char *)text, (size_t)n, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(ret_key + 2 * i, 3, "%02x", digest[i]);
}

/* `email` is in lower case, as validate_login() leaves it. */
static void fill_keys(const struct lp_service_request *r, const char *email,
                      struct store_guess_keys *ret_keys)
{
    char address[CLIENT_ADDRESS], network[CLIENT_ADDRESS];
    client_address(r, address);
    client_network(address, network);
    hash_key(email, network, ret_keys->pair);
    hash_key(email, "", ret_keys->account);
    hash_key("", network, ret_keys->address);
}

/* For each address another one, always the same, that nobody else can tell. */
static void place_of_decoy(struct auth *auth, const char *email, char ret_uuid[STORE_UUID])
{
    unsigned char key[32], mac[EVP_MAX_MD_SIZE] = { 0 };
    tokens_derive_key(auth->tokens, "decoys of accounts", key);
    HMAC(EVP_sha256(), key, sizeof key, (const unsigned char *)email, strlen(email), mac, NULL);
    OPENSSL_cleanse(key, sizeof key);
    for (size_t i = 0, at = 0; i < 16; i++, at += 2) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            ret_uuid[at++] = '-';
        snprintf(ret_uuid + at, 3, "%02x", mac[i]);
    }
}

void login_forget_failures(struct lp_service_request *r, const char *email)
{
    struct auth *auth = r->user;
    struct store_guess_keys keys;
    struct lp_error err;
    char lower[VALIDATE_EMAIL_MAX + 1];
    size_t i = 0;
    for (; i < sizeof lower - 1 && email[i]; i++)
        lower[i] = (char)(email[i] >= 'A' && email[i] <= 'Z' ? email[i] + 32 : email[i]);
    lower[i] = '\0';
    fill_keys(r, lower, &keys);
    if (store_forget_failures(auth->db, &keys, &err) < 0)
        lp_log_warn("failed logins not forgotten", "error", err.msg);
}

static int64_t over(int64_t failures, int64_t free, int64_t step_ms)
{
    int64_t beyond = failures > free ? failures - free : 0;
    return beyond > SLOW_LONGEST_MS / step_ms ? SLOW_LONGEST_MS : beyond * step_ms;
}

int64_t login_slowness_ms(const struct store_guesses *guesses)
{
    int64_t account = over(guesses->account, FREE_OF_ACCOUNT, 250);
    int64_t address = over(guesses->address, FREE_OF_ADDRESS, 50);
    return account > address ? account : address;
}

static void login_answer(const struct attempt *a, int status, json_t *body)
{
    struct auth *auth = a->r->user;
    slow_reply(auth->slow, a->r, login_slowness_ms(&a->guesses), status, body);
}

static void refuse(struct lp_service_request *r, int64_t blocked_ms)
{
    char seconds[24];
    snprintf(seconds, sizeof seconds, "%lld", (long long)((blocked_ms + 999) / 1000));
    lp_http_reply_header(r->x, "Retry-After", seconds);
    reply_error(r, 429, TOO_MANY);
}

static void greet(struct attempt *a)
{
    struct lp_error err;
    lp_auto_free char *access = NULL;
    lp_auto_free char *refresh = NULL;
    const struct store_user *user = &a->user;

    int done = session_start(a->r, user, &access, &refresh, &err);
    if (done == LP_E_CONFLICT && !a->again) {
        a->changed = true; /* by a reset, perhaps: is it still the password? */
    } else if (done == LP_E_CONFLICT) {
        reply_busy(a->r);
    } else if (done < 0) {
        reply_failure(a->r, "login", &err);
    } else {
        json_t *shown = lp_json_make("{s:s, s:s, s:s}", "id", user->id, "email", user->email,
                                     "name", user->name);
        login_answer(a, 200,
                     lp_json_make("{s:s, s:s, s:s, s:o}", "message", "Login successful", "token",
                                  access, "refreshToken", refresh, "user", shown));
    }
}

/* What a right password changes; a failure here is no reason to refuse the login. */
static void note_success(const struct attempt *a, const char *newer)
{
    struct auth *auth = a->r->user;
    struct lp_error err;
    if (newer[0] && store_replace_password(auth->db, a->user.id, a->user.password, newer, &err) < 0)
        lp_log_warn("password hash not renewed", "error", err.msg);
    if (a->guesses.pair > 0 && store_forget_failures(auth->db, &a->keys, &err) < 0)
        lp_log_warn("failed logins not forgotten", "error", err.msg);
}

static void fail(const struct attempt *a)
{
    struct auth *auth = a->r->user;
    struct lp_error err;
    int64_t blocked_ms = 0;
    int done = store_note_failure(auth->db, &a->keys, &blocked_ms, &err);
    if (done == 0 && a->guesses.pair == STORE_FREE_TRIES - 1)
        audit_note(a->r, "login_blocked", NULL, a->user.id, NULL); /* once, not for each guess */
    if (done < 0)
        reply_failure(a->r, "login", &err); /* a guess that cannot be counted gets no answer */
    else
        login_answer(a, 400, lp_json_make("{s:s}", "error", INVALID));
}

static void check(struct attempt *a)
{
    struct auth *auth = a->r->user;
    struct hashpool_patience patience = { a->r->deadline_ms, client_gone, a->r->x };
    struct lp_error err;
    char newer[PASSWORD_HASH_MAX];
    bool matches = false;
    const struct checks_stored stored = { a->account->email, a->user.password, a->user.decoy };
    int done = checks_verify(auth->checks, &stored, a->account->password, &patience, &matches,
                             newer, &err);
    if (done < 0) {
        reply_failure(a->r, "login", &err);
    } else if (!matches) {
        fail(a);
    } else {
        note_success(a, newer);
        if (a->user.disabled_at)
            login_answer(a, 403, lp_json_make("{s:s}", "error", DISABLED));
        else
            greet(a);
    }
}

static void attempt(struct attempt *a)
{
    struct auth *auth = a->r->user;
    struct lp_error err;
    char place[STORE_UUID];
    fill_keys(a->r, a->account->email, &a->keys);
    place_of_decoy(auth, a->account->email, place);
    int done = store_begin_login(auth->db, a->account->email, place, &a->keys, &a->user,
                                 &a->guesses, &err);
    int64_t blocked_ms = a->guesses.blocked_ms;
    if (done == 0 && blocked_ms == 0 && a->guesses.pair >= STORE_FREE_TRIES)
        done = store_take_try(auth->db, &a->keys, &blocked_ms, &err);
    if (done < 0)
        reply_failure(a->r, "login", &err);
    else if (blocked_ms > 0)
        refuse(a->r, blocked_ms);
    else
        check(a);
}

void login_route(struct lp_service_request *r, void *worker)
{
    (void)worker;
    struct validate_account account;
    struct attempt a = { .r = r, .account = &account };
    struct lp_error err;
    json_auto_t *body = NULL;
    json_t *details = NULL;

    if (body_of(r, &body, &err) < 0) {
        reply_error(r, err.http_status, err.msg);
    } else if ((details = validate_login(body, &account))) {
        reply_invalid(r, details);
    } else {
        attempt(&a);
        store_user_done(&a.user);
        if (a.changed) {
            a.again = true;
            attempt(&a);
            store_user_done(&a.user);
        }
    }
}
