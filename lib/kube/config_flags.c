/* lib/kube/config_flags.c -- kubectl's flags over the entries of a kubeconfig, as clientcmd's
 * overrides are. Pure. */
#include "kube/config_flags.h"

#include "json/json.h"

bool lp_kube_flags_name_cluster(const struct lp_kube_flags *flags)
{
    return flags->server || flags->cluster;
}

static json_t *copy_of(const json_t *object)
{
    return object ? json_copy((json_t *)object) : json_object();
}

/* The field becomes `value`, where given, and `instead` of it goes. */
static void set_text(json_t *object, const char *field, const char *value, const char *instead)
{
    if (!value)
        return;
    lp_json_set_str(object, field, value);
    if (instead)
        json_object_del(object, instead);
}

json_t *lp_kube_flags_cluster(const struct lp_kube_flags *flags, const json_t *cluster)
{
    json_t *to = copy_of(cluster);

    set_text(to, "server", flags->server, NULL);
    set_text(to, "tls-server-name", flags->tls_server_name, NULL);
    set_text(to, "certificate-authority", flags->certificate_authority,
             "certificate-authority-data");
    if (flags->certificate_authority)
        json_object_del(to, "insecure-skip-tls-verify");
    if (flags->insecure_skip_tls_verify) {
        json_object_del(to, "certificate-authority");
        json_object_del(to, "certificate-authority-data");
        json_object_set_new(to, "insecure-skip-tls-verify", json_true());
    }
    return to;
}

json_t *lp_kube_flags_user(const struct lp_kube_flags *flags, const json_t *user)
{
    json_t *to = copy_of(user);

    set_text(to, "token", flags->token, "tokenFile");
    set_text(to, "client-certificate", flags->client_certificate, "client-certificate-data");
    set_text(to, "client-key", flags->client_key, "client-key-data");
    return to;
}
