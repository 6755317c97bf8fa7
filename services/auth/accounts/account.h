/* services/auth/accounts/account.h -- the route that makes an account. It answers. */
#pragma once

#include "service/service.h"

void account_register(struct lp_service_request *r, void *worker);
