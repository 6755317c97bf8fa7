/* cli/check/findings.c -- see the header. No state. */
#include "cli/check/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json/json.h"

static const char *const names[FINDINGS] = { [FINDING_OK] = "ok",
                                             [FINDING_WARN] = "warn",
                                             [FINDING_FAIL] = "fail",
                                             [FINDING_UNKNOWN] = "unknown" };

void findings_add(json_t *list, enum finding result, const char *check, const char *remedy,
                  const char *fmt, ...)
{
    char message[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    json_t *finding = lp_json_make("{s:s, s:s}", "check", check, "result", names[result]);
    json_object_set_new(finding, "message", lp_json_text(message));
    if (remedy)
        json_object_set_new(finding, "remedy", lp_json_text(remedy));
    json_array_append_new(list, finding);
}

void findings_error(json_t *list, const char *check, const char *what, const struct lp_error *err)
{
    if (err->code == LP_E_DENIED)
        findings_add(list, FINDING_UNKNOWN, check, "ask an administrator for this right", "%s: %s",
                     what, err->msg);
    else
        findings_add(list, FINDING_FAIL, check, "see whether the API server serves this kind",
                     "%s: %s", what, err->msg);
}

size_t findings_count(const json_t *list, enum finding result)
{
    const json_t *finding;
    size_t n = 0, i;

    json_array_foreach(list, i, finding) n +=
        strcmp(lp_json_str(finding, "result", NULL), names[result]) == 0;
    return n;
}

void findings_text(const json_t *list, struct lp_buf *out)
{
    const json_t *f;
    size_t n;

    json_array_foreach(list, n, f)
    {
        const char *remedy = lp_json_str(f, "remedy", NULL);
        lp_buf_printf(out, "%-8s %-16s %s\n", lp_json_str(f, "result", NULL),
                      lp_json_str(f, "check", NULL), lp_json_str(f, "message", NULL));
        if (remedy)
            lp_buf_printf(out, "%25s > %s\n", "", remedy);
    }
    for (enum finding i = 0; i < FINDINGS; i++)
        lp_buf_printf(out, "%s%zu %s", i > 0 ? ", " : "", findings_count(list, i), names[i]);
    lp_buf_str(out, "\n");
}
