/* lib/metrics/expose.c -- the text format 0.0.4 of Prometheus, and OpenMetrics 1.0. Holds the
 * registry's mutex while it writes; updates go on meanwhile, so a histogram's count is taken from
 * the buckets it wrote. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/metrics_parts.h"
#include "metrics/openmetrics.h"

static void put_number(struct lp_buf *b, double v)
{
    char text[32];

    if (isnan(v)) {
        lp_buf_str(b, "NaN");
    } else if (isinf(v)) {
        lp_buf_str(b, v > 0 ? "+Inf" : "-Inf");
    } else if (fabs(v) < 1e15 && !(v < trunc(v) || v > trunc(v))) {
        lp_buf_printf(b, "%.0f", v);
    } else {
        snprintf(text, sizeof text, "%.15g", v);
        double again = strtod(text, NULL);
        if (again < v || again > v)
            snprintf(text, sizeof text, "%.17g", v);
        lp_buf_str(b, text);
    }
}

static void put_name(struct lp_buf *b, const char *name, const char *suffix, const char *labels)
{
    lp_buf_str(b, name);
    lp_buf_str(b, suffix);
    if (*labels)
        lp_buf_printf(b, "{%s}", labels);
    lp_buf_char(b, ' ');
}

static void put_exemplar(struct lp_buf *b, const struct lp_metric *m, unsigned bucket)
{
    struct lp_exemplar e;

    if (!lp_metric_exemplar(m, bucket, &e))
        return;
    lp_buf_printf(b, " # {trace_id=\"%s\"} ", e.trace_id);
    put_number(b, e.value);
    lp_buf_printf(b, " %" PRId64 ".%03d", e.wall_ms / 1000, (int)(e.wall_ms % 1000));
}

static void put_histogram(struct lp_buf *b, const struct lp_metric *m, bool open)
{
    const struct lp_metric_family *f = m->family;
    uint64_t count = 0;

    for (unsigned i = 0; i <= f->n_buckets; i++) {
        count += atomic_load_explicit(&m->buckets[i], memory_order_relaxed);
        lp_buf_printf(b, "%s_bucket{%s%sle=\"", f->name, m->labels, *m->labels ? "," : "");
        put_number(b, i < f->n_buckets ? f->bounds[i] : INFINITY);
        lp_buf_printf(b, "\"} %" PRIu64, count);
        if (open)
            put_exemplar(b, m, i);
        lp_buf_char(b, '\n');
    }
    put_name(b, f->name, "_sum", m->labels);
    put_number(b, lp_metric_load(&m->bits));
    lp_buf_char(b, '\n');
    put_name(b, f->name, "_count", m->labels);
    lp_buf_printf(b, "%" PRIu64 "\n", count);
}

static const char *const kinds[] = { "counter", "gauge", "histogram" };

/* OpenMetrics names the family of a counter without the suffix of its samples. */
static void put_open_head(struct lp_buf *b, const struct lp_metric_family *f)
{
    static const char suffix[] = "_total";
    size_t n = strlen(f->name), cut = sizeof suffix - 1;
    bool counter = f->kind == LP_METRIC_COUNTER;
    bool named = counter && n > cut && strcmp(f->name + n - cut, suffix) == 0;
    int shown = (int)(named ? n - cut : n);

    lp_buf_printf(b, "# TYPE %.*s %s\n# HELP %.*s ", shown, f->name,
                  counter && !named ? "unknown" : kinds[f->kind], shown, f->name);
    for (const char *c = f->help; *c; c++) {
        if (*c == '"' || *c == '\\')
            lp_buf_char(b, '\\');
        lp_buf_char(b, *c);
    }
    lp_buf_char(b, '\n');
}

static void put_family(struct lp_buf *b, const struct lp_metric_family *f, bool open)
{
    if (open)
        put_open_head(b, f);
    else
        lp_buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name, kinds[f->kind]);
    for (size_t i = 0; i < f->n_series; i++) {
        const struct lp_metric *m = f->series[i];
        if (m->hidden)
            continue;
        if (f->kind == LP_METRIC_HISTOGRAM) {
            put_histogram(b, m, open);
            continue;
        }
        put_name(b, f->name, "", m->labels);
        put_number(b, lp_metric_load(&m->bits));
        lp_buf_char(b, '\n');
    }
}

static int write_page(struct lp_buf *b, bool open, struct lp_error *err)
{
    lp_metrics_read_process();
    lp_metrics_collect();
    pthread_mutex_lock(&lp_metrics_lock);
    for (const struct lp_metric_family *f = lp_metrics_first_locked(); f; f = f->next)
        put_family(b, f, open);
    pthread_mutex_unlock(&lp_metrics_lock);
    if (open)
        lp_buf_str(b, "# EOF\n");
    return b->overflowed
               ? lp_error_set(err, LP_E_TOO_LARGE, "the metrics have over %zu bytes", b->max)
               : 0;
}

int lp_metrics_write(struct lp_buf *b, struct lp_error *err)
{
    return write_page(b, false, err);
}

int lp_openmetrics_write(struct lp_buf *b, struct lp_error *err)
{
    return write_page(b, true, err);
}
