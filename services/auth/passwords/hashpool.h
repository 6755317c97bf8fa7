/* services/auth/passwords/hashpool.h -- threads that hash passwords, and a bound on who waits for
 * them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "services/auth/passwords/password.h"

/* Opaque: hides a lock and threads. */
struct hashpool;

struct hashpool_options {
    unsigned workers;      /* 0: as cpu_workers */
    double cpu_quota;      /* CPUs that the pod may use, as cpu_quota(); 0: no limit */
    unsigned max_admitted; /* requests between hashpool_admit and _leave; at least 1 */
    struct password_params params;
};

/* Starts the threads, which give way to all others of the process; no password is hashed yet, so
 * that a pod with a small CPU limit is ready at once. LP_E_INTERNAL. */
LP_MUST_USE int hashpool_new(const struct hashpool_options *options, struct hashpool **ret_pool,
                             struct lp_error *err);
/* Nobody may be admitted any more. */
void hashpool_free(struct hashpool *p);

/*
 * A place for one request that will need a hash, taken before any other work on it, given back with
 * _leave. LP_E_UNAVAILABLE at once where all are taken: that many workers of the service at most
 * wait here, the others stay free for requests without a hash. Any thread.
 */
LP_MUST_USE int hashpool_admit(struct hashpool *p, struct lp_error *err);
void hashpool_leave(struct hashpool *p);

/* Until when the caller wants it (lp_clock_ms() value); whether anybody still does (NULL: yes). */
struct hashpool_patience {
    int64_t deadline_ms;
    bool (*gone)(const void *user);
    const void *user;
};

/*
 * Wait for a thread of the pool, first come, first served, until the deadline; what has begun is
 * finished. LP_E_TIMEOUT, LP_E_CANCELED (the client is gone), or what password_hash and
 * password_verify return; but a stored hash that cannot be read matches nothing, and is logged.
 * Where the password matches an outdated hash, ret_newer holds one made anew, else "". _refuse
 * takes the time that a comparison with `like` takes, another account's hash (NULL: one as they are
 * made here), and finds that nothing matches.
 */
LP_MUST_USE int hashpool_hash(struct hashpool *p, const char *password,
                              const struct hashpool_patience *patience,
                              char ret_hash[PASSWORD_HASH_MAX], struct lp_error *err);
LP_MUST_USE int hashpool_verify(struct hashpool *p, const char *hash, const char *password,
                                const struct hashpool_patience *patience, bool *ret_matches,
                                char ret_newer[PASSWORD_HASH_MAX], struct lp_error *err);
LP_MUST_USE int hashpool_refuse(struct hashpool *p, const char *like, const char *password,
                                const struct hashpool_patience *patience, struct lp_error *err);
