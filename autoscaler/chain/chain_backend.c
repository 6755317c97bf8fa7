/*
 * Threads: none of its own.
 */
#include "autoscaler/chain/chain_backend.h"

#include <string.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "json/json.h"

#define MAX_CA ((size_t)128 * 1024) /* base64 of a caBundle */
#define NAME_BYTES 253

void chain_backend_done(struct chain_backend *b)
{
    free(b->ns);
    free(b->service);
    free(b->ca_pem);
    *b = (struct chain_backend){ 0 };
}

/* It becomes part of a URL and of messages. */
static bool is_name(const char *text)
{
    size_t n = text ? strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.") : 0;
    return n > 0 && n <= NAME_BYTES && text[n] == '\0';
}

/* *ret_pem NULL where `text` is. */
static int decode_ca(const char *text, char **ret_pem, struct lp_error *err)
{
    size_t n = text ? strlen(text) : 0;
    if (n == 0)
        return 0;
    if (n > MAX_CA)
        return lp_error_set(err, LP_E_INVALID, "spec.caBundle: has %zu bytes, at most %zu allowed",
                            n, MAX_CA);
    *ret_pem = lp_base64_text(text);
    return *ret_pem ? 0 : lp_error_set(err, LP_E_INVALID, "spec.caBundle: is no base64");
}

int chain_backend_of(const json_t *spec, struct chain_backend *ret_backend, struct lp_error *err)
{
    const json_t *service = json_object_get(spec, "service");
    const char *ns = lp_json_str(service, "namespace", NULL);
    const char *name = lp_json_str(service, "name", NULL);
    int64_t port = lp_json_int(443, service, "port", NULL);
    lp_auto_free char *ca = NULL;
    if (!json_is_object(service))
        return lp_error_set(err, LP_E_NOT_FOUND, "spec.service: there is none");
    if (!is_name(ns) || !is_name(name) || port < 1 || port > 65535)
        return lp_error_set(err, LP_E_INVALID,
                            "spec.service: namespace, name or port is no valid one");
    int r = decode_ca(lp_json_str(spec, "caBundle", NULL), &ca, err);
    if (r < 0)
        return r;
    *ret_backend = (struct chain_backend){
        .ns = lp_strdup(ns),
        .service = lp_strdup(name),
        .port = (uint16_t)port,
        .ca_pem = lp_take(ca),
        .insecure = lp_json_bool(false, spec, "insecureSkipTLSVerify", NULL),
    };
    return 0;
}
