/* cli/check/check.c -- one look after the other until nothing fails. No state. */
#include "cli/check/check.h"

#include <stdio.h>

#include "base/clock.h"
#include "cli/check/survey.h"
#include "json/json.h"

#define BETWEEN_LOOKS_MS 2000

/* Appends to `findings`. */
static void look(struct lp_kube_client *client, const struct cli_options *options, const char *ns,
                 json_t *findings)
{
    struct survey s = { .client = client, .options = options, .ns = ns, .findings = findings };

    survey_cluster(&s);
    survey_definition(&s);
    if (options->pre) {
        survey_metrics(&s);
        survey_install_rights(&s);
        return;
    }
    operators_find(client, ns, &s.operators);
    survey_operators(&s);
    survey_metrics(&s);
    survey_platforms(&s);
    survey_caller_rights(&s);
    operators_done(&s.operators);
}

/* On stderr: what is waited for. */
static void tell_waiting(const json_t *findings)
{
    const json_t *finding;
    size_t i;

    json_array_foreach(findings, i, finding) if (lp_json_str(finding, "result", NULL)[0] == 'f')
        fprintf(stderr, "waiting for %s: %s\n", lp_json_str(finding, "check", NULL),
                lp_json_str(finding, "message", NULL));
}

int check_cluster(struct lp_kube_client *client, const struct cli_options *options, const char *ns,
                  struct lp_stop *stop, struct lp_buf *out, int *ret_status, struct lp_error *err)
{
    json_auto_t *findings = NULL, *version = NULL;
    int64_t end = lp_clock_ms() + options->wait_ms;
    bool fails = true, told = false;

    int r = lp_kube_raw(client, "/version", &version, err);
    if (r < 0)
        return r;
    for (;;) {
        json_decref(findings);
        findings = json_array();
        look(client, options, ns, findings);
        fails = findings_count(findings, FINDING_FAIL) > 0;
        if (!options->wait || !fails || lp_clock_ms() >= end)
            break;
        if (!told)
            tell_waiting(findings);
        told = true;
        if (lp_stop_wait(stop, BETWEEN_LOOKS_MS))
            break;
    }
    if (options->format == CLI_JSON) {
        json_auto_t *whole = lp_json_make("{s:b, s:O}", "ok", !fails, "checks", findings);
        lp_json_write(whole, out);
        lp_buf_char(out, '\n');
    } else {
        findings_text(findings, out);
    }
    *ret_status = fails;
    return 0;
}
