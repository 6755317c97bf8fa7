/* services/auth/accounts/profile.h -- what a user is shown, and changes, of accounts. Each answers.
 */
#pragma once

#include "service/service.h"

void profile_mine(struct lp_service_request *r, void *worker);
/* Of others the e-mail address is shown to teachers and admins only. */
void profile_of(struct lp_service_request *r, void *worker);
void profile_change(struct lp_service_request *r, void *worker);
void profile_delete(struct lp_service_request *r, void *worker);
void profile_upload(struct lp_service_request *r, void *worker);
/* Public, under an id that nobody can guess: it stands in <img>, which sends no token. */
void profile_picture(struct lp_service_request *r, void *worker);
