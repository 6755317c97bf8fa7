/*
 * lib/base/zone.h -- the time zones of the IANA database, from its compiled files (TZif, RFC 9636,
 * once RFC 8536; version 2 and later). The C library knows one zone a process, in the environment.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define ZONE_FOLDER "/usr/share/zoneinfo" /* Debian: package tzdata */
#define ZONE_NAME_MAX 64
#define ZONE_FILE_MAX 65536 /* bytes; the longest of the database has 4 kB */

/* Immutable; any thread. */
struct zone;

/* One file. LP_E_INVALID where it is none, is damaged, or counts leap seconds (the folder right/).
 */
LP_MUST_USE int zone_parse(const void *bytes, size_t n, struct zone **ret_zone,
                           struct lp_error *err);
void zone_free(struct zone *z); /* NULL is fine */

/*
 * By its name ("Europe/Berlin"), from ZONE_FOLDER; read once, and kept as long as the process
 * lives. LP_E_INVALID where there is none; the message goes on after the name of a field. Any
 * thread.
 */
LP_MUST_USE int zone_find(const char *name, const struct zone **ret_zone, struct lp_error *err);

/* Seconds to add to UTC at `unix_s`; *ret_until is when that may change, INT64_MAX: never. Times
 * are within 100,000 years of 1970. */
int64_t zone_offset(const struct zone *z, int64_t unix_s, int64_t *ret_until);

/*
 * The first moment (seconds since 1970) at which the clock of the zone shows `local_s`, which
 * counts as if it were UTC, or a later time. So of a time that comes twice it is the first, and of
 * one that is skipped the moment of the jump.
 */
int64_t zone_first(const struct zone *z, int64_t local_s);
