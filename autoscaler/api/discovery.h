/* autoscaler/api/discovery.h -- what we serve, as Kubernetes clients ask for it. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "autoscaler/base/group.h"
#include "autoscaler/samples/samples.h"

/* The metrics of each resource; ends with resource NULL. All in the one group, all namespaced. */
struct discovery_metric {
    const char *resource, *metric;
    enum samples_metric value;
};
extern const struct discovery_metric discovery_metrics[];

enum discovery_format {
    DISCOVERY_NONE,    /* nothing that we can write is accepted: 406 */
    DISCOVERY_JSON,    /* plain JSON */
    DISCOVERY_V2,      /* apidiscovery.k8s.io/v2 APIGroupDiscoveryList */
    DISCOVERY_V2BETA1, /* the same as v2beta1 */
};

/*
 * The first of the media ranges of an Accept header (RFC 9110 12.5.1; NULL: all) that we can write.
 * `discovery`: whether the aggregated forms (KEP-3352) are on offer; elsewhere they do not count,
 * nor does any other "as=" (kubectl asks for Table with a fall-back to plain JSON).
 */
enum discovery_format discovery_negotiate(const char *accept, bool discovery);

/* A document of /apis, with the ETag of its content ("\"<sha256>\""). */
struct discovery_document {
    const char *body, *content_type, *etag;
    size_t len;
};

/* All documents of one state; shared by reference, never changed. */
struct discovery;

/* What is served now, with a reference of the caller's; any thread. Before the first _use: our own
 * metrics alone. */
struct discovery *discovery_current(void);
void discovery_unref(struct discovery *d);

#define DISCOVERY_OTHERS 5000 /* metrics of another adapter that are listed at most */

/*
 * From now on: ours, and behind them what another adapter lists (`resources` of its
 * APIResourceLists, by version; NULL: none), sorted, each name once. A name that is no
 * "<resource>/<metric>" of printable characters is left out, and so is one whose scope differs from
 * that of its resource. Equal lists give equal documents. *ret_left_out: how many there was no room
 * for.
 */
void discovery_use(json_t *const others[2], size_t *ret_left_out);

const struct discovery_document *discovery_apis(const struct discovery *d, enum discovery_format f);

/* APIGroup and APIResourceList; JSON, NUL-terminated. */
const char *discovery_group(const struct discovery *d);
const char *discovery_resources(const struct discovery *d, enum metrics_version v);
