/* lib/kube/watch_framer.c -- one pass over the bytes. A line that arrives whole is parsed where it
 * lies; only what a read cut apart is copied, so that an idle watch keeps no buffer. No state but
 * the framer's. */
#include "kube/watch_framer.h"

#include <string.h>

#include "json/json.h"
#include "kube/request.h"

/* After a longer line the memory of `tail` is given back. */
#define KEPT_BYTES 4096

/* An ERROR event carries a Status where the others carry the watched object. */
static int fail_from_status(const json_t *status, struct lp_error *err)
{
    int http_status = (int)lp_json_int(500, status, "code", NULL);
    const char *reason = lp_json_str(status, "reason", NULL);
    const char *message = lp_json_str(status, "message", NULL);
    int code = lp_kube_status_code(http_status, reason);

    if (reason && (strcmp(reason, "Expired") == 0 || strcmp(reason, "Gone") == 0))
        code = LP_E_GONE;
    else if (code == LP_E_INVALID)
        code = LP_E_UNAVAILABLE; /* the request was taken; it is the stream that broke */
    lp_error_set(err, code, "watch: %s", message ? message : "ERROR event without a message");
    err->http_status = http_status;
    return code;
}

static int deliver(struct lp_watch_framer *f, const char *line, size_t len, struct lp_error *err)
{
    json_error_t why;

    if (len == 0 || (len == 1 && *line == '\r'))
        return 0;
    json_auto_t *event = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);
    if (!event)
        return lp_error_set(err, LP_E_INVALID, "watch: column %d: %s", why.column, why.text);

    const char *type = lp_json_str(event, "type", NULL);
    json_t *object = json_object_get(event, "object");
    if (!type || !json_is_object(object))
        return lp_error_set(err, LP_E_INVALID, "watch: event without type or object");
    if (strcmp(type, "ERROR") == 0)
        return fail_from_status(object, err);
    f->lines++;
    return f->sink(type, object, f->user, err);
}

void lp_watch_framer_done(struct lp_watch_framer *f)
{
    lp_buf_done(&f->tail);
}

/* The end of a line that began in an earlier feed. */
static int deliver_tail(struct lp_watch_framer *f, struct lp_error *err)
{
    int r = deliver(f, f->tail.ptr, f->tail.len, err);

    if (f->tail.cap > KEPT_BYTES)
        lp_buf_done(&f->tail);
    else
        lp_buf_reset(&f->tail);
    return r;
}

static void begin_skipping(struct lp_watch_framer *f)
{
    lp_buf_done(&f->tail);
    f->skipping = true;
    f->skipped++;
}

int lp_watch_framer_feed(struct lp_watch_framer *f, const char *data, size_t len,
                         struct lp_error *err)
{
    while (len > 0) {
        const char *newline = memchr(data, '\n', len);
        size_t n = newline ? (size_t)(newline - data) : len;
        bool whole = newline && f->tail.len == 0 && n <= f->tail.max;

        if (!whole && !f->skipping)
            lp_buf_add(&f->tail, data, n);
        if (f->tail.overflowed)
            begin_skipping(f);
        if (!newline)
            return 0;
        int r = f->skipping ? 0 : whole ? deliver(f, data, n, err) : deliver_tail(f, err);
        if (r < 0)
            return r;
        f->skipping = false;
        data += n + 1;
        len -= n + 1;
    }
    return 0;
}
