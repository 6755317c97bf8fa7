/*
 * Who asks, and may they.
 *
 * Three ways to be somebody, in the order of kube-apiserver's own delegated authentication: headers
 * of a verified front proxy, a client certificate, a bearer token. Headers of anybody else are not
 * looked at. What memory holds is decided here, in the event loop; what needs a TokenReview
 * or a SubjectAccessReview waits in auth_review.c, without a thread of the server.
 *
 * Threads: event loops come in by auth_check; `lock` covers trust and the queue.
 */
#include "autoscaler/auth/auth.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "autoscaler/auth/auth_parts.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "http/url.h"

#define CACHE_ENTRIES 1024
#define MAX_QUESTION ((size_t)64 * 1024)
#define MAX_CHAIN 8

struct auth *auth_new(struct lp_kube_config *kube, struct lp_stop *stop)
{
    struct auth *a = lp_alloc(sizeof *a);
    pthread_mutex_init(&a->lock, NULL);
    a->jobs = lp_fifo_new(AUTH_WAITING);
    a->kube = kube;
    a->stop = stop;
    a->peers = review_cache_new(CACHE_ENTRIES, AUTH_CACHE_MS, peer_ref, peer_unref);
    a->tokens = review_cache_new(CACHE_ENTRIES, AUTH_CACHE_MS, user_ref, user_unref);
    a->rights = review_cache_new(CACHE_ENTRIES, AUTH_CACHE_MS, NULL, NULL);
    return a;
}

void auth_free(struct auth *a)
{
    if (!a)
        return;
    trust_unref(a->trust);
    review_cache_free(a->peers);
    review_cache_free(a->tokens);
    review_cache_free(a->rights);
    lp_fifo_free(a->jobs);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

void auth_set_trust(struct auth *a, struct trust *t)
{
    trust_ref(t);
    pthread_mutex_lock(&a->lock);
    struct trust *old = a->trust;
    a->trust = t;
    a->trust_serial++;
    pthread_mutex_unlock(&a->lock);
    trust_unref(old);
}

static struct trust *current_trust(struct auth *a, uint64_t *ret_serial)
{
    pthread_mutex_lock(&a->lock);
    struct trust *t = a->trust;
    if (t)
        trust_ref(t);
    *ret_serial = a->trust_serial;
    pthread_mutex_unlock(&a->lock);
    return t;
}

bool auth_has_trust(struct auth *a)
{
    uint64_t serial;
    struct trust *t = current_trust(a, &serial);
    trust_unref(t);
    return t != NULL;
}

/* ---- digests of what the caches are asked ---- */

static void add_text(struct lp_buf *b, const char *text)
{
    lp_buf_str(b, text ? text : "");
    lp_buf_char(b, '\0');
}

void auth_token_digest(const char *token, unsigned char ret_digest[REVIEW_DIGEST])
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(LP_LIMIT_TOKEN_BYTES);
    lp_buf_str(&b, token);
    review_cache_digest(&b, ret_digest);
}

bool auth_right_digest(const struct user *u, const struct auth_attributes *at,
                       unsigned char ret_digest[REVIEW_DIGEST])
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(MAX_QUESTION);
    add_text(&b, at->path);
    add_text(&b, at->ns);
    add_text(&b, at->group);
    add_text(&b, at->version);
    add_text(&b, at->resource);
    add_text(&b, at->subresource);
    add_text(&b, at->name);
    user_write(u, &b);
    if (b.overflowed)
        return false;
    review_cache_digest(&b, ret_digest);
    return true;
}

/* ---- who asks ---- */

static struct peer *peer_of(struct auth *a, const struct trust *t, uint64_t serial, void *session)
{
    unsigned n = 0;
    const gnutls_datum_t *chain = session ? gnutls_certificate_get_peers(session, &n) : NULL;
    if (!chain || n == 0 || n > MAX_CHAIN)
        return NULL;
    lp_auto_buf struct lp_buf question = LP_BUF_INIT(MAX_QUESTION);
    lp_buf_add(&question, &serial, sizeof serial);
    for (unsigned i = 0; i < n; i++) {
        lp_buf_add(&question, &chain[i].size, sizeof chain[i].size);
        lp_buf_add(&question, chain[i].data, chain[i].size);
    }
    if (question.overflowed)
        return NULL;
    unsigned char digest[REVIEW_DIGEST];
    void *known;
    review_cache_digest(&question, digest);
    if (review_cache_get(a->peers, digest, lp_clock_ms(), &known))
        return known;
    struct peer *p = trust_verify(t, chain, n);
    review_cache_put(a->peers, digest, p, lp_clock_ms());
    return p;
}

static const char *first_header(const struct lp_http_exchange *x, const char *const *names)
{
    for (; *names; names++) {
        const char *value = lp_http_header(x, *names);
        if (value && *value)
            return value;
    }
    return NULL;
}

static bool add_group(const char *value, void *user)
{
    if (*value)
        user_add_group(user, value);
    return true;
}

struct extra_reader {
    const char *const *prefixes;
    struct user *user;
};

/* X-Remote-Extra-Example.com%2Fscopes: the name is percent-encoded and counts without regard to
 * case. */
static bool add_extra(const char *name, const char *value, void *user)
{
    const struct extra_reader *reader = user;
    for (const char *const *p = reader->prefixes; *p; p++) {
        size_t n = strlen(*p);
        lp_auto_buf struct lp_buf key = LP_BUF_INIT(LP_LIMIT_HTTP_HEADERS);
        if (strncasecmp(name, *p, n) != 0)
            continue;
        if (!lp_url_decode(name + n, strlen(name + n), false, &key)) {
            lp_buf_reset(&key);
            lp_buf_str(&key, name + n);
        }
        for (size_t i = 0; i < key.len; i++)
            key.ptr[i] = (char)tolower((unsigned char)key.ptr[i]);
        user_add_extra(reader->user, key.ptr, value);
        return true;
    }
    return true;
}

/* The user for which a verified front proxy asks; NULL where it names nobody. */
static struct user *proxied_user(const struct lp_http_exchange *x, const struct trust *t)
{
    const char *name = first_header(x, trust_user_headers(t));
    if (!name)
        return NULL;
    struct user *u = user_new(name);
    u->uid = lp_strdup(first_header(x, trust_uid_headers(t)));
    for (const char *const *h = trust_group_headers(t); *h; h++)
        lp_http_headers(x, *h, add_group, u);
    struct extra_reader reader = { trust_extra_prefixes(t), u };
    lp_http_each_header(x, add_extra, &reader);
    user_authenticated(u);
    return u;
}

/* By certificate alone; NULL where that names nobody. */
static struct user *certified_user(struct auth *a, struct lp_http_exchange *x,
                                   const struct trust *t, uint64_t serial)
{
    struct peer *p = peer_of(a, t, serial, lp_http_tls_session(x));
    struct user *u = NULL;
    if (p && p->front_proxy)
        u = proxied_user(x, t);
    if (p && !u && p->client) {
        user_ref(p->client);
        u = p->client;
    }
    peer_unref(p);
    return u;
}

static const char *bearer_token(const struct lp_http_exchange *x)
{
    const char *value = lp_http_header(x, "Authorization");
    if (!value || strncasecmp(value, "Bearer ", 7) != 0)
        return NULL;
    value += 7;
    while (*value == ' ')
        value++;
    return *value && strlen(value) <= LP_LIMIT_TOKEN_BYTES ? value : NULL;
}

/* ---- and may they ---- */

void *auth_known_right(struct auth *a, const struct user *u, const struct auth_attributes *at)
{
    unsigned char digest[REVIEW_DIGEST];
    void *right;
    if (!at || user_in_group(u, "system:masters"))
        return AUTH_ALLOWED;
    if (!auth_right_digest(u, at, digest))
        return NULL;
    return review_cache_get(a->rights, digest, lp_clock_ms(), &right) ? right : NULL;
}

void auth_tell_right(const void *right, const struct user *u, const struct auth_attributes *at,
                     auth_done *done, void *done_user)
{
    char text[768];
    if (right == AUTH_ALLOWED) {
        done(200, "", done_user);
        return;
    }
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(sizeof text - 1);
    if (at->path)
        lp_buf_printf(&b, "forbidden: User \"%s\" cannot get path \"%s\"", u->name, at->path);
    else
        lp_buf_printf(&b,
                      "%s.%s \"%s\" is forbidden: User \"%s\" cannot get resource \"%s/%s\" in "
                      "API group \"%s\" in the namespace \"%s\"",
                      at->resource, at->group, at->name, u->name, at->resource, at->subresource,
                      at->group, at->ns);
    done(403, b.ptr, done_user);
}

/* Nobody by certificate: a token that is known, unknown, or not there. */
static bool token_tells(struct auth *a, const char *token, struct user **ret_user)
{
    unsigned char digest[REVIEW_DIGEST];
    void *known = NULL;
    *ret_user = NULL;
    if (!token)
        return true;
    auth_token_digest(token, digest);
    if (!review_cache_get(a->tokens, digest, lp_clock_ms(), &known))
        return false;
    *ret_user = known;
    return true;
}

static void ask(struct auth *a, struct user *u, const char *token, const struct auth_attributes *at,
                auth_done *done, void *user)
{
    struct auth_job *job = lp_alloc(sizeof *job);
    *job = (struct auth_job){
        .user = u,
        .token = u ? NULL : lp_strdup(token),
        .attributes = at,
        .done = done,
        .done_user = user,
    };
    auth_ask(a, job);
}

static void check(struct auth *a, struct lp_http_exchange *x, struct trust *t, uint64_t serial,
                  const struct auth_attributes *attributes, auth_done *done, void *user)
{
    const char *token = bearer_token(x);
    auto_user struct user *u = t ? certified_user(a, x, t, serial) : NULL;
    if (!u && !t && !token) {
        done(503, "the trusted CAs are not read from the API server yet", user);
        return;
    }
    if (!u && !token_tells(a, token, &u)) {
        ask(a, NULL, token, attributes, done, user);
        return;
    }
    if (!u) {
        done(401, "Unauthorized", user);
        return;
    }
    const void *right = auth_known_right(a, u, attributes);
    if (!right) {
        ask(a, lp_take(u), NULL, attributes, done, user);
        return;
    }
    auth_tell_right(right, u, attributes, done, user);
}

void auth_check(struct auth *a, struct lp_http_exchange *x,
                const struct auth_attributes *attributes, auth_done *done, void *user)
{
    uint64_t serial;
    struct trust *t = current_trust(a, &serial);
    check(a, x, t, serial, attributes, done, user);
    trust_unref(t);
}
