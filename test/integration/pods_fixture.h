/* test/integration/pods_fixture.h -- pods of services that lp-operator asks for their metrics: all
 * of them are one page of the test. */
#pragma once

#include "integration/operator_fixture.h"

#define SECONDS_EACH 0.02 /* of a request */

/* Group: fixture_begin() and fixture_end(), with the page. Test: pods_namespace() restarts the
 * operator so that it asks the page; those after the first need only fixture_namespace(). */
int pods_begin(void **state);
int pods_end(void **state);
int pods_namespace(void **state);
/* The fixture's operator scrapes nobody; this one takes its place. 0, or -1. */
int pods_restart(const char *log);
extern int pods_port; /* of the page */

/* What the page says from now on: requests a second and pod; requests that wait for progress; jobs
 * that wait for a worker; status 500. */
void pods_rate(int rate);
void pods_awaiting(int requests);
void pods_jobs(int jobs);
void pods_broken(bool broken);

/* Makes the pods of the service ready, of which there must come `at_least`, and waits until the
 * operator asks for their page. */
void pods_ready(const char *service, int at_least);
/* Everything that the operator asks pods for from now on it has looked at, twice. */
void pods_looked_at(void);

/* Of an HPA, `want` an int64_t. */
holds min_is_at_least, min_is_at_most;
/* Of a platform: where auth's floor comes from; `want` NULL: it has none. */
holds has_source;
/* {services: {SERVICE: {autoscaling: YAML}}} */
json_t *autoscaling_spec(const char *service, const char *yaml);
