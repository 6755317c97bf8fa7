/* cli/check/definition.c -- the definition in the cluster against the plugin's own. No state. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "cli/check/survey.h"
#include "json/json.h"
#include "json/yaml.h"
#include "kube/kinds.h"

#define NAME "learningplatforms.learningplatform.io"

extern const char definition_yaml[]; /* crds/learningplatform.yaml */

static const json_t *schema_of(const json_t *definition)
{
    return lp_json_at(json_array_get(lp_json_at(definition, "spec", "versions", NULL), 0), "schema",
                      "openAPIV3Schema", NULL);
}

/* Fields of `ours` that `theirs` lacks, at any depth; each is counted once, not its own fields. */
static void missing(const json_t *ours, const json_t *theirs, const char *path, unsigned *n,
                    char first[256])
{
    const json_t *items = json_object_get(ours, "items");
    const json_t *more = json_object_get(ours, "additionalProperties");
    const char *name;
    const json_t *field;

    json_object_foreach(json_object_get(ours, "properties"), name, field)
    {
        const json_t *same = lp_json_at(theirs, "properties", name, NULL);
        char below[256];
        snprintf(below, sizeof below, "%s%s%s", path, *path ? "." : "", name);
        if (same) {
            missing(field, same, below, n, first);
            continue;
        }
        if ((*n)++ == 0 && first[0] == '\0')
            memcpy(first, below, sizeof below);
    }
    if (json_is_object(items) && json_object_get(theirs, "items"))
        missing(items, json_object_get(theirs, "items"), path, n, first);
    if (json_is_object(more) && json_object_get(theirs, "additionalProperties"))
        missing(more, json_object_get(theirs, "additionalProperties"), path, n, first);
}

void definition_compare(const json_t *live, struct definition_skew *ret)
{
    json_auto_t *documents = NULL;
    struct lp_error err;

    *ret = (struct definition_skew){ 0 };
    if (lp_yaml_parse(definition_yaml, strlen(definition_yaml), LP_LIMIT_CONFIG_BYTES, "definition",
                      &documents, &err) < 0)
        return; /* a unit test parses it */
    const json_t *ours = schema_of(json_array_get(documents, 0)), *theirs = schema_of(live);
    missing(ours, theirs, "", &ret->missing, ret->first);
    missing(theirs, ours, "", &ret->more, ret->first);
}

void survey_definition(struct survey *s)
{
    json_auto_t *live = NULL;
    struct definition_skew skew;
    struct lp_error err;

    int r = lp_kube_get(s->client, &lp_kube_crds, NULL, NAME, &live, &err);
    if (r == LP_E_NOT_FOUND && s->options->pre) {
        findings_add(s->findings, FINDING_OK, "definition", NULL, "not there yet");
    } else if (r == LP_E_NOT_FOUND) {
        findings_add(s->findings, FINDING_FAIL, "definition",
                     "kubectl apply -f config/install.yaml", "%s is not there", NAME);
    } else if (r < 0) {
        findings_error(s->findings, "definition", NAME, &err);
    } else {
        definition_compare(live, &skew);
        if (skew.missing > 0)
            findings_add(s->findings, FINDING_WARN, "definition", "kubectl apply -f crds/",
                         "older than this plugin %s: lacks %u of its fields, as %s", LP_VERSION,
                         skew.missing, skew.first);
        else if (skew.more > 0)
            findings_add(s->findings, FINDING_WARN, "definition", "take the plugin of its version",
                         "newer than this plugin %s: has %u more fields, as %s", LP_VERSION,
                         skew.more, skew.first);
        else
            findings_add(s->findings, FINDING_OK, "definition", NULL, "as this plugin's, %s",
                         LP_VERSION);
    }
}
