/*
 * The record is kept on the object itself, in one write with what it records: there is no moment in
 * which one is there without the other, and every replica reads it there.
 *
 * Threads: none of its own.
 */
#include "autoscaler/registration/record.h"

#include <string.h>

#include "autoscaler/registration/managed_fields.h"
#include "autoscaler/registration/registration_options.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "json/json.h"

#define MAX_RECORD ((size_t)128 * 1024) /* annotations of an object: 256 KiB in all */

bool record_leads_to(const json_t *spec, const char *ns, const char *service)
{
    const char *their_ns = lp_json_str(spec, "service", "namespace", NULL);
    const char *theirs = lp_json_str(spec, "service", "name", NULL);
    return their_ns && theirs && strcmp(their_ns, ns) == 0 && strcmp(theirs, service) == 0;
}

static json_t *record_of(const json_t *api_service)
{
    const char *text = lp_json_str(api_service, "metadata", "annotations", RECORD_ANNOTATION, NULL);
    json_t *record = NULL;
    struct lp_error err;
    if (!text ||
        lp_json_parse(text, strlen(text), MAX_RECORD, RECORD_ANNOTATION, &record, &err) < 0)
        return NULL;
    return record;
}

json_t *record_spec(const json_t *api_service)
{
    json_auto_t *record = record_of(api_service);
    json_t *spec = json_object_get(record, "spec");
    return json_is_object(spec) ? json_incref(spec) : NULL;
}

json_t *record_fields(const json_t *api_service)
{
    json_auto_t *record = record_of(api_service);
    json_t *fields = json_object_get(record, "fields");
    return json_is_array(fields) ? json_incref(fields) : NULL;
}

bool record_is_anothers(const json_t *api_service, const char *ns, const char *service)
{
    json_auto_t *record = record_of(api_service);
    const json_t *spec = json_object_get(api_service, "spec");
    const char *by = lp_json_str(record, "by", NULL), *slash = by ? strchr(by, '/') : NULL;
    if (!slash || record_leads_to(spec, ns, service))
        return false;
    lp_auto_free char *by_ns = lp_sprintf("%.*s", (int)(slash - by), by);
    return record_leads_to(spec, by_ns, slash + 1);
}

static json_t *object_in(json_t *o, const char *key)
{
    json_t *in = json_object_get(o, key);
    if (!json_is_object(in)) {
        in = json_object();
        json_object_set_new(o, key, in);
    }
    return in;
}

/* Those of earlier versions too. */
static bool is_our_owner(const json_t *reference)
{
    const char *kind = lp_json_str(reference, "kind", NULL);
    const char *name = lp_json_str(reference, "name", NULL);
    if (!kind || !name)
        return false;
    return strcmp(kind, "CustomResourceDefinition") == 0
               ? strcmp(name, REGISTRATION_DEFINITION) == 0
               : strcmp(kind, "ClusterRoleBinding") == 0 &&
                     strncmp(name, REGISTRATION_BINDING, strlen(REGISTRATION_BINDING)) == 0;
}

static void drop_owner(json_t *metadata)
{
    json_t *owners = json_object_get(metadata, "ownerReferences");
    for (size_t i = json_array_size(owners); i-- > 0;)
        if (is_our_owner(json_array_get(owners, i)))
            json_array_remove(owners, i);
    if (json_array_size(owners) == 0)
        json_object_del(metadata, "ownerReferences");
}

static void add_owner(json_t *metadata, const json_t *owner)
{
    drop_owner(metadata);
    json_t *owners = json_object_get(metadata, "ownerReferences");
    if (!owners) {
        owners = json_array();
        json_object_set_new(metadata, "ownerReferences", owners);
    }
    json_array_append_new(owners, json_deep_copy(owner));
}

/* Those of now where it is another's, else those that are on record. */
static json_t *fields_before(const json_t *have, const struct record_target *wish)
{
    bool ours = record_leads_to(json_object_get(have, "spec"), wish->ns, wish->service);
    json_t *fields = ours ? record_fields(have) : managed_fields_of(have);
    return fields ? fields : json_array();
}

json_t *record_redirected(const json_t *have, const json_t *previous,
                          const struct record_target *wish)
{
    json_t *led = json_deep_copy(have), *metadata = object_in(led, "metadata");
    json_t *spec = json_deep_copy(previous);
    lp_auto_buf struct lp_buf record = LP_BUF_INIT(MAX_RECORD);
    json_object_set_new(spec, "service",
                        lp_json_make("{s:s,s:s,s:i}", "namespace", wish->ns, "name", wish->service,
                                     "port", (int)wish->port));
    json_object_del(spec, "insecureSkipTLSVerify");
    json_object_set_new(spec, "caBundle", json_string(wish->ca_base64));
    json_object_set_new(led, "spec", spec);
    lp_auto_free char *by = lp_sprintf("%s/%s", wish->ns, wish->service);
    json_auto_t *note = lp_json_make("{s:s,s:O,s:o}", "by", by, "spec", previous, "fields",
                                     fields_before(have, wish));
    lp_json_write(note, &record);
    if (record.overflowed) {
        json_decref(led);
        return NULL;
    }
    json_object_set_new(object_in(metadata, "annotations"), RECORD_ANNOTATION,
                        json_string(record.ptr));
    if (wish->owner)
        add_owner(metadata, wish->owner);
    return led;
}

json_t *record_restored(const json_t *have, const json_t *previous)
{
    json_t *restored = json_deep_copy(have), *metadata = object_in(restored, "metadata");
    json_t *annotations = object_in(metadata, "annotations");
    json_object_set_new(restored, "spec", json_deep_copy(previous));
    json_object_del(annotations, RECORD_ANNOTATION);
    if (json_object_size(annotations) == 0)
        json_object_del(metadata, "annotations");
    drop_owner(metadata);
    return restored;
}
