/* platform/plan_ingress.c -- the Ingress of the gateway (networking.k8s.io/v1). Pure. */
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "platform/plan_parts.h"

/* cert-manager fills the Secret that an Ingress with one of its annotations names. */
static bool is_for_cert_manager(const json_t *annotations)
{
    static const char prefix[] = "cert-manager.io/";
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)annotations, key, value)
    {
        if (strncmp(key, prefix, sizeof prefix - 1) == 0)
            return true;
    }
    return false;
}

/* The Secret with the certificate, the caller's; NULL: no TLS. */
static char *tls_secret(const struct platform *p)
{
    const struct service_spec *s = &p->spec.services[SERVICE_GATEWAY];

    if (s->expose.ingress.tls_secret)
        return lp_strdup(s->expose.ingress.tls_secret);
    return is_for_cert_manager(s->expose.ingress.annotations) ? plan_name(p, "gateway-tls") : NULL;
}

/* Everything of the host goes to the gateway, which knows its routes. */
static json_t *rules(const char *host, const char *service)
{
    json_t *backend =
        lp_json_make("{s:{s:s, s:{s:s}}}", "service", "name", service, "port", "name", "http");

    return lp_json_make("[{s:s, s:{s:[{s:s, s:s, s:o}]}}]", "host", host, "http", "paths", "path",
                        "/", "pathType", "Prefix", "backend", backend);
}

json_t *plan_ingress(const struct platform *p)
{
    const struct service_spec *s = &p->spec.services[SERVICE_GATEWAY];
    const char *suffix = service_kinds[SERVICE_GATEWAY].name, *host = s->expose.ingress.host;
    lp_auto_free char *service = plan_name(p, suffix);
    lp_auto_free char *secret = tls_secret(p);
    json_t *o = plan_object(p, &lp_kube_ingresses, suffix);
    json_t *annotations = plan_copy_or_null(s->expose.ingress.annotations);
    json_t *tls =
        secret ? lp_json_make("[{s:[s], s:s}]", "hosts", host, "secretName", secret) : NULL;

    if (annotations)
        json_object_set_new(json_object_get(o, "metadata"), "annotations", annotations);
    json_object_set_new(o, "spec",
                        lp_json_make("{s:s*, s:o*, s:o}", "ingressClassName",
                                     s->expose.ingress.class_name, "tls", tls, "rules",
                                     rules(host, service)));
    return o;
}
