/*
 * The bodies that we answer with. The value list is put together from constant pieces and checked
 * names, without a JSON tree: it is written for each GET, and for a thousand pods that is what the
 * answer costs.
 *
 * Threads: none of its own.
 */
#include "autoscaler/api/answer.h"

#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "kube/quantity.h"

#define MAX_MILLI INT64_C(9200000000000000)

#define STAMPS 32 /* values are of the last 30 seconds */
#define STAMP (sizeof "2026-12-01T09:00:00Z" - 1)

#define add_literal(out, text) lp_buf_add((out), (text), sizeof(text) - 1)

/*
 * A list on its way into `out`. What is equal in all items is put together once: `head` goes before
 * the name of an object, `tail` between it and the value.
 */
struct answer {
    struct lp_buf *out;
    size_t head_len, tail_len;
    size_t stamp; /* where the time stands in `tail` */
    char head[320], tail[320];
    struct {
        int64_t second;
        char text[20];
    } stamps[STAMPS]; /* texts of the last seconds, by second modulo */
};

/* Into a fixed array, which must have room: namespace, resource and metric are limited in query.h.
 */
static size_t append_text(char *at, size_t len, const char *text)
{
    size_t n = strlen(text);
    memcpy(at + len, text, n + 1);
    return len + n;
}

_Static_assert(sizeof((struct answer *)0)->head > QUERY_SEGMENT + 128, "a head fits");
_Static_assert(sizeof((struct answer *)0)->tail > QUERY_SEGMENT + 128, "a tail fits");

/* The fields that the two versions name differently. */
static void make_tail(struct answer *a, const struct query *query)
{
    bool old = query->version == METRICS_V1BETA1;
    size_t n =
        append_text(a->tail, 0, old ? "\"},\"metricName\":\"" : "\"},\"metric\":{\"name\":\"");
    n = append_text(a->tail, n, query->metric);
    n = append_text(a->tail, n,
                    old ? "\",\"window\":0,\"selector\":null,\"timestamp\":\""
                        : "\",\"selector\":null},\"windowSeconds\":0,\"timestamp\":\"");
    a->stamp = n;
    n += STAMP;
    a->tail_len = append_text(a->tail, n, "\",\"value\":\"");
}

static void begin(struct answer *a, const struct query *query, struct lp_buf *out)
{
    bool pods = strcmp(query->resource, "pods") == 0;
    a->out = out;
    for (unsigned i = 0; i < STAMPS; i++)
        a->stamps[i].second = -1;
    add_literal(out, "{\"kind\":\"MetricValueList\",\"apiVersion\":\"" METRICS_GROUP "/");
    lp_buf_str(out, metrics_version_name(query->version));
    add_literal(out, "\",\"metadata\":{},\"items\":[");
    size_t n = append_text(a->head, 0, ",{\"describedObject\":{\"kind\":\"");
    n = append_text(a->head, n, pods ? "Pod" : "Service");
    n = append_text(a->head, n, "\",\"namespace\":\"");
    n = append_text(a->head, n, query->ns);
    a->head_len = append_text(a->head, n, "\",\"apiVersion\":\"v1\",\"name\":\"");
    make_tail(a, query);
}

static const char *stamp_of(struct answer *a, int64_t second)
{
    unsigned i = (unsigned)(second % STAMPS);
    if (a->stamps[i].second != second) {
        char text[LP_CLOCK_TEXT];
        lp_clock_format(second * 1000, 0, text);
        memcpy(a->stamps[i].text, text, STAMP);
        a->stamps[i].second = second;
    }
    return a->stamps[i].text;
}

static void add_item(struct answer *a, const char *name, const struct samples_value *v, bool first)
{
    char value[LP_QUANTITY_TEXT];
    memcpy(a->tail + a->stamp, stamp_of(a, v->wall_ms / 1000), STAMP);
    lp_quantity_format(v->milli < MAX_MILLI ? v->milli : MAX_MILLI, value);

    size_t comma = first ? 1 : 0;
    lp_buf_add(a->out, a->head + comma, a->head_len - comma);
    lp_buf_str(a->out, name);
    lp_buf_add(a->out, a->tail, a->tail_len);
    lp_buf_str(a->out, value);
    add_literal(a->out, "\"}");
}

void answer_list(const struct query *query, const struct samples_values *values, struct lp_buf *out)
{
    struct answer a;
    begin(&a, query, out);
    for (unsigned i = 0; i < values->n; i++)
        add_item(&a, values->names.ptr + values->items[i].name, &values->items[i], i == 0);
    add_literal(out, "]}\n");
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
