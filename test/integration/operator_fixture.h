/* test/integration/operator_fixture.h -- lp-operator, a namespace and a client for its integration
 * tests. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "integration/program.h"
#include "json/json.h"
#include "kube/client.h"
#include "kube/kinds.h"
#include "unit/check.h"

#define WAIT_MS 90000
#define OPERATOR_NS "lp-operator-test"

extern struct lp_kube_client *client; /* the test's own */
extern struct program operator;       /* runs for all tests, but where one restarts it */
extern char ns[64];                   /* of the test */

/* Group: connects, installs the CRD, starts the operator; ends it, which must give status 0. Test:
 * a namespace; the platforms in that of the test before are deleted. */
int fixture_begin(void **state);
int fixture_end(void **state);
int fixture_namespace(void **state);

/* The tag of the services' images that lp-operator is started with: v9.9.9 unless a test sets it.
 */
extern const char *fixture_image_tag;

/* Starts lp-operator as pod `name` and waits until it is ready. */
void fixture_start(struct program *p, const char *name);
/* The same with one more "NAME=value" in its environment. */
void fixture_start_with(struct program *p, const char *name, const char *more);
/* And with another one. NULL: none. */
void fixture_start_more(struct program *p, const char *name, const char *more,
                        const char *and_more);

/* And with several, at most FIXTURE_ENV, then NULL; they win over the fixture's own. */
#define FIXTURE_ENV 6
void fixture_start_env(struct program *p, const char *name, const char *const more[FIXTURE_ENV]);

/* Waits until the object exists and `holds` for it; it is handed out, the caller's. `holds` NULL:
 * until it is gone, gives NULL. A failed assertion after WAIT_MS. */
typedef bool holds(const json_t *object, const void *want);
json_t *await(const struct lp_kube_kind *kind, const char *name, holds *want_holds,
              const void *want, const char *what);
bool exists(const json_t *o, const void *want);
bool has_other_uid(const json_t *o, const void *want);
/* The same in the namespace `in`. */
json_t *await_in(const char *in, const struct lp_kube_kind *kind, const char *name,
                 holds *want_holds, const void *want, const char *what);
void await_gone(const struct lp_kube_kind *kind, const char *name);
/* Until it contains `want`, which is stolen. */
json_t *await_like(const struct lp_kube_kind *kind, const char *name, json_t *want,
                   const char *what);

/* Makes every pod of the namespace ready, as there is no kubelet, until the platform is. */
void await_ready(const char *name);

/* Until an Event of the namespace has this reason. */
void await_event(const char *reason);

/* True where the status is that of the present generation, with the children written. */
bool carried_out(const json_t *o, const void *want);

/* Both wait until the operator has carried it out; `spec` is stolen, an edit is merged. */
void create_platform(const char *name, json_t *spec);
void edit_platform(const char *name, json_t *spec);
json_t *parse_spec(const char *yaml);
/* The API server takes no platform with this spec (YAML): its message names `path` and `limit`. */
void is_refused(const char *spec, const char *path, const char *limit);
/* {services: {service: o}}; `o` is stolen. */
json_t *service_spec(const char *service, json_t *o);

/* Every child that a platform with embedded databases owns: not their claims and Secrets. */
#define N_CHILDREN (4 * 7 + 2 * 3 + 4)
typedef void visit_child(const struct lp_kube_kind *kind, const char *name);
void each_child(const char *platform, visit_child *visit);
/* Waits for it, checks owner and labels, counts it in `visited`. */
extern unsigned visited;
visit_child is_there_and_ours;
