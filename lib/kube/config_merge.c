/* lib/kube/config_merge.c -- see config_merge.h. */
#include "kube/config_merge.h"

#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/limits.h"
#include "json/json.h"
#include "json/yaml.h"

#define MAX_FILES 32

/* Makes the path in `key` one that does not depend on where the kubeconfig lies. A bare command is
 * looked up in PATH instead. */
static void resolve(const char *file, json_t *object, const char *key, bool command)
{
    const char *path = json_string_value(json_object_get(object, key));
    const char *slash = strrchr(file, '/');

    if (!path || !*path || *path == '/' || !slash || (command && !strchr(path, '/')))
        return;
    lp_auto_free char *whole = lp_sprintf("%.*s/%s", (int)(slash - file), file, path);
    json_object_set_new(object, key, lp_json_text(whole));
}

static void resolve_entry(const char *file, json_t *entry)
{
    static const char *const of_user[] = { "client-certificate", "client-key", "tokenFile" };
    json_t *user = json_object_get(entry, "user");

    resolve(file, json_object_get(entry, "cluster"), "certificate-authority", false);
    for (size_t i = 0; i < LP_COUNT(of_user); i++)
        resolve(file, user, of_user[i], false);
    resolve(file, json_object_get(user, "exec"), "command", true);
}

static void take_entries(const char *file, const json_t *from, const char *key, json_t *into)
{
    json_t *list = json_object_get(into, key), *entry;
    size_t i;

    json_array_foreach(json_object_get(from, key), i, entry)
    {
        const char *name = lp_json_str(entry, "name", NULL);
        if (!name || lp_json_find(list, "name", name))
            continue;
        resolve_entry(file, entry);
        json_array_append(list, entry);
    }
}

static void take_config(const char *file, const json_t *from, json_t *into)
{
    static const char *const lists[] = { "clusters", "contexts", "users" };
    const char *current = lp_json_str(from, "current-context", NULL);

    if (current && *current && !json_object_get(into, "current-context"))
        lp_json_set_str(into, "current-context", current);
    for (size_t i = 0; i < LP_COUNT(lists); i++)
        take_entries(file, from, lists[i], into);
}

/* One file into `into`; *ret_some becomes true where it holds a document. */
static int take_file(const char *file, json_t *into, bool *ret_some, struct lp_error *err)
{
    lp_auto_free char *text = NULL;
    json_auto_t *documents = NULL;

    int r = lp_file_read(file, "kubeconfig", &text, err);
    if (r == 0)
        r = lp_yaml_parse(text, strlen(text), LP_LIMIT_CONFIG_BYTES, "YAML", &documents, err);
    if (r == 0 && json_array_size(documents) > 1)
        r = lp_error_set(err, LP_E_INVALID, "must hold one YAML document, holds %zu",
                         json_array_size(documents));
    if (r < 0)
        return lp_error_wrap(err, "kubeconfig %s", file);
    if (json_array_size(documents) == 1) {
        take_config(file, json_array_get(documents, 0), into);
        *ret_some = true;
    }
    return 0;
}

static int take_list(const char *paths, json_t *into, bool *ret_some, struct lp_error *err)
{
    unsigned files = 0;

    for (const char *at = paths; *at; at += strspn(at, ":")) {
        size_t n = strcspn(at, ":");
        lp_auto_free char *file = lp_strndup(at, n);
        at += n;
        if (n == 0)
            continue;
        if (++files > MAX_FILES)
            return lp_error_set(err, LP_E_INVALID, "KUBECONFIG: names over %d files", MAX_FILES);
        int r = take_file(file, into, ret_some, err);
        if (r < 0 && r != LP_E_NOT_FOUND)
            return r;
    }
    return 0;
}

int lp_kube_config_merge(const char *paths, bool list, json_t **ret_config, struct lp_error *err)
{
    json_auto_t *config = lp_json_make("{s:[], s:[], s:[]}", "clusters", "contexts", "users");
    bool some = false;

    int r = list ? take_list(paths, config, &some, err) : take_file(paths, config, &some, err);
    if (r < 0)
        return r;
    if (!some && !list)
        return lp_error_set(err, LP_E_INVALID,
                            "kubeconfig %s: must hold one YAML document, holds 0", paths);
    *ret_config = some ? json_incref(config) : NULL;
    return 0;
}
