/* lib/service/pseudonym.h -- keyed hashes in place of learners' identifiers. */
#pragma once

/* Once, before the first request. "": a random key, so that hashes of two runs cannot be compared.
 */
void lp_pseudonym_key(const char *key);

/* What stands for a learner's identifier in logs and metrics: 16 hex digits of HMAC-SHA256. */
#define LP_PSEUDONYM 17
void lp_service_pseudonym(const char *identifier, char ret_text[LP_PSEUDONYM]);
