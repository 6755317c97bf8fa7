/* cli/check/survey.h -- one look at a cluster, and its parts. Each part adds findings and fails
 * never: what cannot be asked is a finding too. */
#pragma once

#include "cli/check/findings.h"
#include "cli/operators.h"
#include "cli/options.h"
#include "kube/client.h"

struct survey {
    struct lp_kube_client *client;
    const struct cli_options *options;
    const char *ns; /* of the platforms that are asked for */
    struct operators operators;
    json_t *findings; /* borrowed */
};

void survey_cluster(struct survey *s);        /* API server, StorageClass, metrics-server */
void survey_metrics(struct survey *s);        /* who has the custom metrics API, its certificate */
void survey_definition(struct survey *s);     /* whether it is there and as this plugin's */
void survey_install_rights(struct survey *s); /* what an installation asks of the caller */
void survey_caller_rights(struct survey *s);  /* what the commands ask of the caller */
void survey_operators(struct survey *s);      /* pods, images, leader, watches, rights, version */
void survey_operator_rights(struct survey *s, const json_t *deployment);
void survey_pod(struct survey *s, const json_t *pod); /* what cannot be pulled or crashes */
void survey_platforms(struct survey *s);              /* platforms, their pods' images, HPAs */

/* Of an operator's Deployment: the container's image, and its tag ("" of a digest); borrowed. */
const char *survey_image(const json_t *deployment);
const char *survey_tag(const char *image);

/*
 * How the definition `live` (a CustomResourceDefinition) differs from the one that this plugin was
 * built with: the first field that only one of them has, appended to `first` ("spec.class"), and
 * how many there are. 0: none.
 */
struct definition_skew {
    unsigned missing, more; /* fields that `live` lacks; that only it has */
    char first[256];        /* of the missing ones, else of the others; "" */
};
void definition_compare(const json_t *live, struct definition_skew *ret);
