/* test/integration/audit.c -- the log lies beside the kubeconfig (control-plane). */
#include "integration/audit.h"

#include <stdio.h>
#include <string.h>

#include "json/json.h"
#include "unit/check.h"

#define MAX_LINE (1 << 20)

static FILE *open_log(void)
{
    lp_auto_free char *path = lp_strdup(getenv("KUBECONFIG"));
    char *slash = strrchr(path, '/');

    assert_non_null(slash);
    *slash = '\0';
    lp_auto_free char *log = lp_sprintf("%s/audit.log", path);
    FILE *f = fopen(log, "re");
    if (!f)
        fail_msg("%s: there is no audit log", log);
    return f;
}

long audit_now(void)
{
    FILE *f = open_log();
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    long at = ftell(f);
    fclose(f);
    return at;
}

static bool is(const char *want, const char *have)
{
    return !want || (have && strcmp(want, have) == 0);
}

static bool begins(const char *want, const char *have)
{
    return !want || (have && strncmp(have, want, strlen(want)) == 0);
}

static bool is_write(const json_t *line, const struct audit_query *q)
{
    static const char *const verbs[] = { "create", "update", "patch", "delete",
                                         "deletecollection" };
    const char *verb = lp_json_str(line, "verb", NULL);
    const char *agent = lp_json_str(line, "userAgent", NULL);
    const json_t *object = json_object_get(line, "objectRef");
    const char *resource = lp_json_str(object, "resource", NULL);
    bool writes = false;

    for (size_t i = 0; i < LP_COUNT(verbs); i++)
        writes = writes || is(verbs[i], verb);
    return writes && !is("leases", resource ? resource : "") && is(q->resource, resource) &&
           is(q->ns, lp_json_str(object, "namespace", NULL)) &&
           is(q->name, lp_json_str(object, "name", NULL)) && begins(q->agent, agent) &&
           begins(q->id, lp_json_str(line, "auditID", NULL));
}

unsigned audit_writes(long from, const struct audit_query *query, struct lp_buf *ret_lines)
{
    lp_auto_free char *line = lp_alloc(MAX_LINE);
    unsigned n = 0;
    FILE *f = open_log();

    assert_int_equal(fseek(f, from, SEEK_SET), 0);
    while (fgets(line, MAX_LINE, f)) {
        json_auto_t *o = json_loads(line, 0, NULL); /* NULL: still being written */
        if (!is_write(o, query))
            continue;
        n++;
        if (ret_lines)
            lp_buf_printf(ret_lines, "%s %s %d\n", lp_json_str(o, "verb", NULL),
                          lp_json_str(o, "requestURI", NULL),
                          (int)lp_json_int(0, o, "responseStatus", "code", NULL));
    }
    fclose(f);
    return n;
}
