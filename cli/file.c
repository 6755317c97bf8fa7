/* cli/file.c -- see the header. No state. */
#include "cli/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "json/json.h"
#include "json/yaml.h"
#include "kube/kinds.h"

#define MAX_FOLDER 1000

int file_read(const char *path, struct lp_buf *out, struct lp_error *err)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char piece[4096];

    if (!f)
        return lp_error_set(err, LP_E_INVALID, "%.256s: %s", path, strerror(errno));
    for (size_t n; !out->overflowed && (n = fread(piece, 1, sizeof piece, f)) > 0;)
        lp_buf_add(out, piece, n);
    int failed = ferror(f) ? errno : 0;
    if (f != stdin)
        fclose(f);
    if (failed)
        return lp_error_set(err, LP_E_INVALID, "%.256s: %s", path, strerror(failed));
    if (out->overflowed)
        return lp_error_set(err, LP_E_TOO_LARGE, "%.256s: over %zu bytes", path, out->max);
    return 0;
}

static bool is_platform(const json_t *document)
{
    const char *kind = lp_json_str(document, "kind", NULL);
    return kind && strcmp(kind, lp_kube_platforms.kind) == 0;
}

static int check_version(const json_t *document, const char *path, struct lp_error *err)
{
    static const char wanted[] = "learningplatform.io/v1alpha1";
    const char *version = lp_json_str(document, "apiVersion", NULL);

    if (version && strcmp(version, wanted) == 0)
        return 0;
    return lp_error_set(err, LP_E_INVALID, "%.256s: apiVersion: must be %s, is \"%.64s\"", path,
                        wanted, version ? version : "");
}

static int take(json_t *document, const char *path, const char *ns, json_t *found,
                struct lp_error *err)
{
    json_t *metadata = json_object_get(document, "metadata");

    int r = check_version(document, path, err);
    if (r < 0)
        return r;
    if (!json_is_object(metadata) || !lp_json_str(metadata, "name", NULL))
        return lp_error_set(err, LP_E_INVALID, "%.256s: metadata.name: must be set", path);
    if (!lp_json_str(metadata, "namespace", NULL))
        lp_json_set_str(metadata, "namespace", ns);
    json_array_append(found, document);
    return 0;
}

/* A List holds documents of its own; one in it is none of kubectl's. */
static int take_document(json_t *document, const char *path, const char *ns, json_t *found,
                         struct lp_error *err)
{
    const char *kind = lp_json_str(document, "kind", NULL);
    const json_t *items = json_object_get(document, "items");
    json_t *item;
    size_t i;
    int r = 0;

    if (is_platform(document))
        return take(document, path, ns, found, err);
    if (!kind || strlen(kind) < 4 || strcmp(kind + strlen(kind) - 4, "List") != 0)
        return 0;
    json_array_foreach(items, i, item)
    {
        if (r == 0 && is_platform(item))
            r = take(item, path, ns, found, err);
    }
    return r;
}

static int take_file(const char *path, const char *ns, json_t *found, struct lp_error *err)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(LP_LIMIT_CONFIG_BYTES);
    json_auto_t *documents = NULL;
    json_t *document;
    size_t i;

    int r = file_read(path, &text, err);
    if (r == 0)
        r = lp_yaml_parse(text.ptr, text.len, LP_LIMIT_CONFIG_BYTES, path, &documents, err);
    json_array_foreach(documents, i, document)
    {
        if (r == 0)
            r = take_document(document, path, ns, found, err);
    }
    return r;
}

static int is_manifest(const struct dirent *e)
{
    const char *dot = strrchr(e->d_name, '.');
    return dot &&
           (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 || strcmp(dot, ".json") == 0);
}

static int take_folder(const char *path, const char *ns, json_t *found, struct lp_error *err)
{
    struct dirent **entries = NULL;
    int n = scandir(path, &entries, is_manifest, alphasort), r = 0;

    if (n < 0)
        return lp_error_set(err, LP_E_INVALID, "%.256s: %s", path, strerror(errno));
    if (n > MAX_FOLDER)
        r = lp_error_set(err, LP_E_TOO_LARGE, "%.256s: over %d files", path, MAX_FOLDER);
    for (int i = 0; i < n; i++) {
        lp_auto_free char *file = lp_sprintf("%s/%s", path, entries[i]->d_name);
        if (r == 0)
            r = take_file(file, ns, found, err);
        free(entries[i]);
    }
    free(entries);
    return r;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int file_platforms(const char *const *paths, const char *ns, json_t **ret_platforms,
                   struct lp_error *err)
{
    json_auto_t *found = json_array();
    int r = 0;

    for (const char *const *p = paths; r == 0 && *p; p++)
        r = is_folder(*p) ? take_folder(*p, ns, found, err) : take_file(*p, ns, found, err);
    if (r < 0)
        return r;
    if (json_array_size(found) == 0)
        return lp_error_set(err, LP_E_INVALID, "%.256s: no LearningPlatform is in it", paths[0]);
    *ret_platforms = json_incref(found);
    return 0;
}

void file_write_list(json_t *items, struct lp_buf *out)
{
    json_auto_t *list =
        lp_json_make("{s:s, s:s, s:O}", "apiVersion", "v1", "kind", "List", "items", items);
    lp_json_write(list, out);
    lp_buf_char(out, '\n');
}
