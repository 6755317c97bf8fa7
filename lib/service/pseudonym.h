/* lib/service/pseudonym.h -- the key of lp_service_pseudonym (service.h). */
#pragma once

/* Once, before the first request. "": a random key, so that hashes of two runs cannot be compared.
 */
void lp_pseudonym_key(const char *key);
