/* services/auth/accounts/account.h -- the routes that make an account and open it. Each answers. */
#pragma once

#include "service/service.h"

void account_register(struct lp_service_request *r, void *worker);
void account_login(struct lp_service_request *r, void *worker);
