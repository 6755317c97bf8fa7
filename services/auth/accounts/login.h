/* services/auth/accounts/login.h -- the route that opens an account, and what guessing costs. */
#pragma once

#include <stdint.h>

#include "service/service.h"
#include "services/auth/database/store_logins.h"

void login_route(struct lp_service_request *r, void *worker);

/* Who chose a new password by a mail need not wait for the failures of this address before. */
void login_forget_failures(struct lp_service_request *r, const char *email);

/*
 * How long the answer is held back where failures of an account as a whole, or of an address as a
 * whole, are many: 0 up to 10 and 100 of them, then 250 and 50 ms more for each, at most 5 s. Never
 * more, so that nobody can lock out a victim or a school.
 */
int64_t login_slowness_ms(const struct store_guesses *guesses);
