/*
 * The bodies that we answer with. The value list is put together from constant pieces and checked
 * names, without a JSON tree: it is written for each GET, and for a thousand pods that is what the
 * answer costs.
 *
 * Threads: none of its own.
 */
#include "autoscaler/answer.h"

#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "kube/quantity.h"

#define MAX_MILLI INT64_C(9200000000000000)

#define add_literal(out, text) lp_buf_add((out), (text), sizeof(text) - 1)

void answer_begin(struct answer *a, enum query_version version, struct lp_buf *out)
{
    *a = (struct answer){ .out = out, .version = version, .second = -1 };
    add_literal(out, "{\"kind\":\"MetricValueList\",\"apiVersion\":\"" QUERY_GROUP "/");
    lp_buf_str(out, query_version_name(version));
    add_literal(out, "\",\"metadata\":{},\"items\":[");
}

/* The fields that the two versions name differently. */
static void add_metric(struct answer *a, const char *metric)
{
    if (a->version == QUERY_V1BETA1)
        add_literal(a->out, "\"},\"metricName\":\"");
    else
        add_literal(a->out, "\"},\"metric\":{\"name\":\"");
    lp_buf_str(a->out, metric);
    if (a->version == QUERY_V1BETA1)
        add_literal(a->out, "\",\"window\":0,\"selector\":null,\"timestamp\":\"");
    else
        add_literal(a->out, "\",\"selector\":null},\"windowSeconds\":0,\"timestamp\":\"");
}

void answer_item(struct answer *a, const char *kind, const char *ns, const char *name,
                 const char *metric, int64_t wall_ms, int64_t milli)
{
    char value[LP_QUANTITY_TEXT];
    if (wall_ms / 1000 != a->second) {
        a->second = wall_ms / 1000;
        lp_clock_format(wall_ms, 0, a->timestamp);
    }
    lp_quantity_format(milli < MAX_MILLI ? milli : MAX_MILLI, value);

    if (a->n++ > 0)
        lp_buf_char(a->out, ',');
    add_literal(a->out, "{\"describedObject\":{\"kind\":\"");
    lp_buf_str(a->out, kind);
    add_literal(a->out, "\",\"namespace\":\"");
    lp_buf_str(a->out, ns);
    add_literal(a->out, "\",\"apiVersion\":\"v1\",\"name\":\"");
    lp_buf_str(a->out, name);
    add_metric(a, metric);
    lp_buf_str(a->out, a->timestamp);
    add_literal(a->out, "\",\"value\":\"");
    lp_buf_str(a->out, value);
    add_literal(a->out, "\"}");
}

void answer_end(struct answer *a)
{
    add_literal(a->out, "]}\n");
}

static const char *reason_of(int code)
{
    switch (code) {
    case 400:
        return "BadRequest";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "NotFound";
    case 405:
        return "MethodNotAllowed";
    case 406:
        return "NotAcceptable";
    case 503:
        return "ServiceUnavailable";
    default:
        return "InternalError";
    }
}

void answer_status(int code, const char *message, struct lp_buf *out)
{
    char text[1024];
    size_t n = 0;
    for (; message[n] && n + 1 < sizeof text; n++) {
        text[n] = message[n];
        if (text[n] < ' ' || text[n] > '~')
            text[n] = '?';
    }
    text[n] = '\0';
    json_t *status = lp_json_make("{s:s,s:s,s:{},s:s,s:s,s:s,s:i}", "kind", "Status", "apiVersion",
                                  "v1", "metadata", "status", "Failure", "message", text, "reason",
                                  reason_of(code), "code", code);
    lp_json_write(status, out);
    json_decref(status);
}
