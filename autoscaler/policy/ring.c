/* autoscaler/policy/ring.c -- see the header. Lines are cut off as text: only those that are a day
 * old are read. No state; any thread. */
#include "autoscaler/policy/ring.h"

#include <stdio.h>
#include <string.h>
#include <zstd.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/clock.h"
#include "json/json.h"
#include "platform/plan.h"

#define LEVEL 3 /* of zstd: a full ring takes some milliseconds */
#define MAX_LINE 8192
#define SERVICE_NAME 64

static size_t line_length(const char *at, const char *end)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    return (size_t)((newline ? newline + 1 : end) - at);
}

/* When the line was decided, and of which service; -1 where it tells neither. */
static int64_t line_time(const char *line, size_t n, char ret_service[SERVICE_NAME])
{
    struct lp_error ignored;
    json_auto_t *o = NULL;

    if (lp_json_parse(line, n, MAX_LINE, "decision", &o, &ignored) < 0)
        return -1;
    const char *time = lp_json_str(o, "time", NULL), *service = lp_json_str(o, "service", NULL);
    if (!time || !service)
        return -1;
    snprintf(ret_service, SERVICE_NAME, "%s", service);
    return lp_clock_parse(time);
}

/* The last line of each service. */
struct kept {
    unsigned n;
    struct {
        char service[SERVICE_NAME];
        const char *line;
    } of[SPEC_MAX_SERVICES];
};

static void keep(struct kept *k, const char *service, const char *line)
{
    unsigned i = 0;

    while (i < k->n && strcmp(k->of[i].service, service) != 0)
        i++;
    if (i == SPEC_MAX_SERVICES)
        return;
    if (i == k->n)
        snprintf(k->of[k->n++].service, SERVICE_NAME, "%s", service);
    k->of[i].line = line;
}

static bool is_kept(const struct kept *k, const char *line)
{
    for (unsigned i = 0; i < k->n; i++)
        if (k->of[i].line == line)
            return true;
    return false;
}

/* What is older than `since_ms` goes; the last line of each service before that stays. */
static void trim(struct lp_buf *text, int64_t since_ms)
{
    const char *at = text->ptr, *end = text->ptr + text->len;
    struct kept kept = { .n = 0 };
    char service[SERVICE_NAME];

    for (size_t n; at < end; at += n) {
        n = line_length(at, end);
        int64_t time = line_time(at, n, service);
        if (time >= since_ms)
            break;
        if (time >= 0)
            keep(&kept, service, at);
    }
    size_t moved = (size_t)(at - text->ptr);
    /* From the back to the front, each to where nothing is read any more. */
    for (const char *from = at; from > text->ptr;) {
        const char *line = from - 1;
        while (line > text->ptr && line[-1] != '\n')
            line--;
        size_t n = (size_t)(from - line);
        if (is_kept(&kept, line))
            memmove(text->ptr + (moved -= n), line, n);
        from = line;
    }
    lp_buf_consume(text, moved);
}

/* The first lines, together at least `n` bytes, go. */
static void drop(struct lp_buf *text, size_t n)
{
    const char *end = text->ptr + text->len;
    size_t gone = 0;

    while (gone < n && gone < text->len)
        gone += line_length(text->ptr + gone, end);
    lp_buf_consume(text, gone);
}

void ring_append(struct lp_buf *text, const json_t *decisions, int64_t now_ms)
{
    const json_t *decision;
    size_t i;

    if (text->len > 0 && text->ptr[text->len - 1] != '\n') /* somebody else wrote it */
        lp_buf_char(text, '\n');
    json_array_foreach(decisions, i, decision)
    {
        lp_auto_buf struct lp_buf line = LP_BUF_INIT(MAX_LINE);
        lp_json_write_unsorted(decision, &line);
        lp_buf_char(&line, '\n');
        if (line.overflowed)
            continue;
        if (text->len + line.len > RING_TEXT)
            drop(text, text->len + line.len - RING_TEXT);
        lp_buf_add(text, line.ptr, line.len);
    }
    trim(text, now_ms - RING_DAY_MS);
}

void ring_pack(struct lp_buf *text, struct lp_buf *ret_packed)
{
    size_t room = ZSTD_compressBound(RING_TEXT);
    lp_auto_free char *packed = lp_alloc(room);

    for (;;) {
        size_t n = ZSTD_compress(packed, room, text->ptr, text->len, LEVEL);
        if (!ZSTD_isError(n) && n <= RING_PACKED) {
            lp_buf_reset(ret_packed);
            lp_buf_add(ret_packed, packed, n);
            return;
        }
        drop(text, text->len / 8 + 1);
    }
}

static int unpack(const struct lp_buf *packed, struct lp_buf *text, struct lp_error *err)
{
    lp_auto_free char *lines = lp_alloc(RING_TEXT);
    size_t n = ZSTD_decompress(lines, RING_TEXT, packed->ptr, packed->len);

    if (ZSTD_isError(n))
        return lp_error_set(err, LP_E_INVALID,
                            "binaryData[" RING_KEY
                            "]: must be at most %d bytes compressed with zstd: %s",
                            RING_TEXT, ZSTD_getErrorName(n));
    lp_buf_add(text, lines, n);
    return 0;
}

int ring_text(const json_t *config_map, struct lp_buf *text, struct lp_error *err)
{
    lp_auto_buf struct lp_buf packed = LP_BUF_INIT(RING_PACKED);
    const char *base64 = lp_json_str(config_map, "binaryData", RING_KEY, NULL);

    if (!base64)
        return 0;
    if (!lp_base64_decode(base64, strlen(base64), &packed))
        return lp_error_set(err, LP_E_INVALID,
                            "binaryData[" RING_KEY "]: must be at most %d bytes in base64",
                            RING_PACKED);
    return unpack(&packed, text, err);
}

int ring_read(const json_t *config_map, json_t **ret_decisions, struct lp_error *err)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(RING_TEXT);
    json_auto_t *list = json_array();
    size_t n;

    int r = ring_text(config_map, &text, err);
    if (r < 0)
        return r;
    for (const char *at = text.ptr, *end = at + text.len; at < end; at += n) {
        json_t *o = NULL;
        n = line_length(at, end);
        r = lp_json_parse(at, n, MAX_LINE, "a line of " RING_KEY, &o, err);
        if (r < 0)
            return r;
        bool is_object = json_is_object(o);
        json_array_append_new(list, o);
        if (!is_object)
            return lp_error_set(err, LP_E_INVALID, "a line of " RING_KEY " is no JSON object");
    }
    *ret_decisions = lp_take(list);
    return 0;
}
