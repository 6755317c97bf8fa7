/* lib/kube/status.c -- metav1.Status, what the API server answers when it refuses, into struct
 * lp_error. */
#include <string.h>

#include "json/json.h"
#include "kube/request.h"

#define SHOWN_BYTES 200

int lp_kube_status_code(int http_status, const char *reason)
{
    switch (http_status) {
    case 401:
    case 403:
        return LP_E_DENIED;
    case 404:
        return LP_E_NOT_FOUND;
    case 408:
    case 504:
        return LP_E_TIMEOUT;
    case 409:
        return reason && strcmp(reason, "AlreadyExists") == 0 ? LP_E_EXISTS : LP_E_CONFLICT;
    case 410:
        return LP_E_GONE;
    case 413:
        return LP_E_TOO_LARGE;
    case 429:
        return LP_E_UNAVAILABLE;
    default:
        return http_status >= 400 && http_status < 500 ? LP_E_INVALID : LP_E_UNAVAILABLE;
    }
}

/* What is no Status (a proxy's page, say) is shown in part, on one line. */
static void show_body(const struct lp_buf *body, char ret_text[SHOWN_BYTES + 1])
{
    size_t n = body->len < SHOWN_BYTES ? body->len : SHOWN_BYTES;

    for (size_t i = 0; i < n; i++) {
        ret_text[i] = body->ptr[i];
        if (ret_text[i] < ' ' || ret_text[i] > '~')
            ret_text[i] = ' ';
    }
    ret_text[n] = '\0';
}

/* The quota plugin answers 403 as RBAC does, but what it lacks may be free again any time
 * (k8s.io/apiserver plugin/pkg/admission/resourcequota/controller.go). */
static bool is_of_quota(const char *message)
{
    return message && (strstr(message, "exceeded quota: ") || strstr(message, "failed quota: ") ||
                       strstr(message, "status unknown for quota: "));
}

int lp_kube_status_error(const struct lp_http_response *r, struct lp_error *err)
{
    struct lp_error ignored;
    json_auto_t *status = NULL;
    char text[SHOWN_BYTES + 1];

    if (lp_json_parse(r->body.ptr, r->body.len, r->body.max, "Status", &status, &ignored) < 0)
        status = NULL;
    const char *message = lp_json_str(status, "message", NULL);
    const char *reason = lp_json_str(status, "reason", NULL);
    int code = lp_kube_status_code(r->status, reason);
    /* Server-side apply of a field that no schema knows is answered 500 (seen at 1.34), yet no
     * retry helps. */
    if (r->status == 500 && message && strstr(message, "field not declared in schema"))
        code = LP_E_INVALID;
    if (r->status == 403 && is_of_quota(message))
        code = LP_E_UNAVAILABLE;
    if (!message)
        show_body(&r->body, text);
    lp_error_set(err, code, "HTTP %d%s%s: %s", r->status, reason ? " " : "", reason ? reason : "",
                 message ? message : text);
    int64_t seconds = lp_json_int(0, status, "details", "retryAfterSeconds", NULL);
    err->http_status = r->status;
    err->retry_after_ms = r->retry_after_ms;
    if (err->retry_after_ms == 0 && seconds > 0 && seconds <= 3600)
        err->retry_after_ms = (int)seconds * 1000;
    return code;
}
