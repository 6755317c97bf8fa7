/* cli/simulate_plot.c -- pods and waits over time, as characters, CSV and SVG (1.1, W3C). Pure. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "cli/simulate.h"

#define COLUMNS 72
#define ROWS 6
#define WIDTH 860 /* of the picture; of one service: */
#define HEIGHT 250
#define LEFT 60
#define PLOT_WIDTH 740
#define PLOT_HEIGHT 150
#define TOP 50

enum what { PODS, WAIT };

static int64_t value_of(const struct series_point *p, enum what what)
{
    return what == PODS ? p->pods : p->wait_ms;
}

static int64_t greatest(const struct series *s, enum what what)
{
    int64_t most = 0;

    for (size_t i = 0; i < s->n; i++)
        if (value_of(&s->points[i], what) > most)
            most = value_of(&s->points[i], what);
    return most;
}

/* The greatest value of each column; -1: none. */
static void columns_of(const struct series *s, enum what what, int64_t ret[COLUMNS])
{
    int64_t span = s->n > 0 ? s->points[s->n - 1].at_ms - s->from_ms + s->step_ms : 1;
    size_t last = 0;

    for (size_t i = 0; i < COLUMNS; i++)
        ret[i] = -1;
    for (size_t i = 0; i < s->n; i++) {
        size_t column = (size_t)((s->points[i].at_ms - s->from_ms) * COLUMNS / span);
        int64_t value = value_of(&s->points[i], what);
        for (size_t k = last + 1; k < column; k++)
            ret[k] = ret[last];
        if (value > ret[column])
            ret[column] = value;
        last = column;
    }
    for (size_t k = last + 1; k < COLUMNS; k++)
        ret[k] = ret[last];
}

static void chart(const struct series *s, enum what what, const char *title, struct lp_buf *out)
{
    int64_t values[COLUMNS], most = greatest(s, what);

    columns_of(s, what, values);
    lp_buf_printf(out, "%s\n", title);
    for (int row = ROWS; row > 0; row--) {
        if (row == ROWS)
            lp_buf_printf(out, "%7" PRId64 " |", most);
        else
            lp_buf_str(out, row == 1 ? "      0 |" : "        |");
        size_t end = COLUMNS;
        /* A value over 0 is seen. */
        while (end > 0 && !(values[end - 1] > 0 && values[end - 1] * ROWS > most * (row - 1)))
            end--;
        for (size_t i = 0; i < end; i++)
            lp_buf_char(out, values[i] > 0 && values[i] * ROWS > most * (row - 1) ? '#' : ' ');
        lp_buf_char(out, '\n');
    }
}

void simulate_plot(const struct simulate_service *service, const struct simulate_result *result,
                   struct lp_buf *out)
{
    const struct series *s = result->series;

    if (s->n == 0)
        return;
    chart(s, PODS, "pods over time", out);
    if (service->trace.has[TRACE_ARRIVAL_RATE])
        chart(s, WAIT, "longest wait over time, ms", out);
    lp_buf_char(out, '\n');
}

/* Milli as a decimal; an empty cell where it is not known. */
static void cell(struct lp_buf *out, int64_t milli)
{
    lp_buf_char(out, ',');
    if (milli >= 0)
        lp_buf_printf(out, "%" PRId64 ".%03d", milli / 1000, (int)(milli % 1000));
}

void simulate_csv(const struct simulate_pair *pairs, size_t n, struct lp_buf *out)
{
    lp_buf_str(out, "service,time,pods,ready,wait_ms,queue_depth,arrival_rate\n");
    for (size_t i = 0; i < n; i++) {
        const struct series *s = pairs[i].result.series;
        for (size_t k = 0; k < s->n; k++) {
            const struct series_point *p = &s->points[k];
            lp_buf_printf(out, "%s,%" PRId64 ".%03d,%d,%d,",
                          service_kinds[pairs[i].service.id].name, p->at_ms / 1000,
                          (int)(p->at_ms % 1000), p->pods, p->ready);
            if (p->wait_ms >= 0)
                lp_buf_printf(out, "%" PRId64, p->wait_ms);
            cell(out, p->queue);
            cell(out, p->rate);
            lp_buf_char(out, '\n');
        }
    }
}

static void escape(const char *text, struct lp_buf *out)
{
    for (const char *at = text; *at; at++) {
        if (*at == '<' || *at == '&')
            lp_buf_str(out, *at == '<' ? "&lt;" : "&amp;");
        else
            lp_buf_char(out, *at);
    }
}

/* A line of steps, each value until the next slot; a gap where a value is not known. */
static void path(const struct series *s, enum what what, int64_t most, int y, const char *color,
                 struct lp_buf *out)
{
    int64_t span = s->points[s->n - 1].at_ms - s->from_ms + s->step_ms;
    bool down = false;

    lp_buf_printf(out, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" d=\"", color);
    for (size_t i = 0; i < s->n; i++) {
        int64_t value = value_of(&s->points[i], what);
        int64_t until = i + 1 < s->n ? s->points[i + 1].at_ms : s->from_ms + span;
        int64_t x = LEFT + (s->points[i].at_ms - s->from_ms) * PLOT_WIDTH / span;
        int64_t end = LEFT + (until - s->from_ms) * PLOT_WIDTH / span;
        if (value < 0) {
            down = false;
            continue;
        }
        int64_t at = y + PLOT_HEIGHT - value * PLOT_HEIGHT / (most > 0 ? most : 1);
        lp_buf_printf(out, "%c%" PRId64 " %" PRId64 "H%" PRId64, down ? 'L' : 'M', x, at, end);
        down = true;
    }
    lp_buf_str(out, "\"/>\n");
}

static void label(struct lp_buf *out, int x, int y, const char *anchor, const char *color,
                  const char *text)
{
    lp_buf_printf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\" fill=\"%s\">", x, y, anchor,
                  color);
    escape(text, out);
    lp_buf_str(out, "</text>\n");
}

static void time_text(const struct simulate_service *s, int64_t at_ms, char room[64])
{
    char date[LP_CLOCK_TEXT];

    if (s->start_ms < 0) {
        snprintf(room, 64, "%" PRId64 " s", at_ms / 1000);
        return;
    }
    lp_clock_format(at_ms - s->trace.rows[0].at_ms + s->start_ms, 0, date);
    snprintf(room, 64, "%s", date);
}

static void picture(const struct simulate_pair *p, int top, struct lp_buf *out)
{
    const struct series *s = p->result.series;
    int64_t pods = greatest(s, PODS), wait = greatest(s, WAIT);
    const struct trace *t = &p->service.trace;
    int y = top + TOP;
    char room[64];

    label(out, LEFT, top + 20, "start", "#222", p->service.title);
    lp_buf_printf(out,
                  "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" "
                  "stroke=\"#ccc\"/>\n",
                  LEFT, y, PLOT_WIDTH, PLOT_HEIGHT);
    snprintf(room, sizeof room, "%" PRId64, pods);
    label(out, LEFT - 6, y + 10, "end", "#1f5fbf", room);
    label(out, LEFT - 6, y + PLOT_HEIGHT, "end", "#1f5fbf", "0");
    label(out, LEFT, y - 6, "start", "#1f5fbf", "pods");
    if (t->has[TRACE_ARRIVAL_RATE]) {
        snprintf(room, sizeof room, "%" PRId64, wait);
        label(out, LEFT + PLOT_WIDTH + 6, y + 10, "start", "#c04a1a", room);
        label(out, LEFT + PLOT_WIDTH, y - 6, "end", "#c04a1a", "longest wait, ms");
        path(s, WAIT, wait, y, "#c04a1a", out);
    }
    path(s, PODS, pods, y, "#1f5fbf", out);
    time_text(&p->service, t->rows[0].at_ms, room);
    label(out, LEFT, y + PLOT_HEIGHT + 18, "start", "#222", room);
    time_text(&p->service, t->rows[t->n - 1].at_ms, room);
    label(out, LEFT + PLOT_WIDTH, y + PLOT_HEIGHT + 18, "end", "#222", room);
}

void simulate_svg(const struct simulate_pair *pairs, size_t n, struct lp_buf *out)
{
    int height = HEIGHT * (int)n;

    lp_buf_printf(out,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
                  "viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">\n"
                  "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n",
                  WIDTH, height, WIDTH, height, WIDTH, height);
    for (size_t i = 0; i < n; i++)
        if (pairs[i].result.series->n > 0)
            picture(&pairs[i], HEIGHT * (int)i, out);
    lp_buf_str(out, "</svg>\n");
}
