/* autoscaler/registration/managed_fields.h -- whose the fields of an APIService's spec are
 * (managedFields), before us and after. Pure. */
#pragma once

#include <jansson.h>

/* What our writes are called there: the User-Agent up to its slash, and our server-side apply. */
#define FIELD_MANAGER "lp-adapter"

/* The entries of metadata.managedFields that own something of the spec, as far as they do, without
 * ours and without times; the caller's, may be empty. */
json_t *managed_fields_of(const json_t *api_service);

/*
 * Its metadata.managedFields with these entries' fields given back and without entries of ours: to
 * be sent in an update that changes nothing else, for else what it changes would be ours again.
 * The caller's; NULL where we have no entry there.
 */
json_t *managed_fields_back(const json_t *api_service, const json_t *fields);
