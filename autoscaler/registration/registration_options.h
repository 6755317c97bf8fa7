/* autoscaler/registration/registration_options.h -- under which names we are registered. */
#pragma once

#include <stdint.h>

#define REGISTRATION_DEFINITION "learningplatforms.learningplatform.io"
/* Our right to write APIServices: the ClusterRoleBinding of this name, a dash and our namespace. */
#define REGISTRATION_BINDING "lp-operator-metrics"
#define REGISTRATION_CONFLICT 256 /* bytes of a sentence about an APIService of another adapter */

/* All borrowed. */
struct registration {
    const char *ns, *service, *secret, *deployment;
    uint16_t port;        /* of the Service */
    int64_t ca_s, leaf_s; /* how long CA and certificate last; 0: as in certs.h */
};
