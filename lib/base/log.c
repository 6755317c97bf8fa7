/* lib/base/log.c -- formats a line on the stack and writes it with one write(), so that lines of
 * several threads never mix. The level is atomic, the context thread-local. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"

static const char *const level_names[] = { "debug", "info", "warn", "error" };

static atomic_int min_level = LP_LOG_INFO;
/* What lp_log_context and lp_log_context_id have set. */
static _Thread_local struct {
    const char *key, *value;
} context[2];

/* A line under construction; what does not fit before `cap` is dropped. */
struct line {
    char text[8192];
    size_t len;
};

static const size_t line_cap =
    sizeof(((struct line *)0)->text) - 4; /* room for "}\n" and a quote */

static void put(struct line *l, const char *s, size_t n)
{
    if (l->len + n <= line_cap) {
        memcpy(l->text + l->len, s, n);
        l->len += n;
    }
}

/* RFC 8259, section 7. Bytes over 0x7f pass as they are. */
static void put_escaped(struct line *l, const char *s)
{
    for (; *s && l->len + 6 < line_cap; s++) {
        unsigned char c = (unsigned char)*s;
        char u[8];
        if (c == '"' || c == '\\') {
            u[0] = '\\';
            u[1] = (char)c;
            put(l, u, 2);
        } else if (c == '\n') {
            put(l, "\\n", 2);
        } else if (c < 0x20) {
            snprintf(u, sizeof u, "\\u%04x", c);
            put(l, u, 6);
        } else {
            put(l, s, 1);
        }
    }
}

static void put_pair(struct line *l, const char *key, const char *value)
{
    if (l->len + strlen(key) + 16 > line_cap)
        return;
    put(l, ",\"", 2);
    put(l, key, strlen(key));
    put(l, "\":", 2);
    if (!value) {
        put(l, "null", 4);
        return;
    }
    put(l, "\"", 1);
    put_escaped(l, value);
    l->text[l->len++] = '"'; /* line_cap keeps room for it */
}

void lp_log_set_level(enum lp_log_level level)
{
    atomic_store(&min_level, (int)level);
}

bool lp_log_parse_level(const char *text, enum lp_log_level *ret_level)
{
    for (int i = 0; i < 4; i++) {
        if (strcasecmp(text, level_names[i]) == 0) {
            *ret_level = (enum lp_log_level)i;
            return true;
        }
    }
    return false;
}

void lp_log_context(const char *key, const char *value)
{
    context[0].key = key;
    context[0].value = value;
}

void lp_log_context_id(const char *key, const char *value)
{
    context[1].key = key;
    context[1].value = value;
}

void lp_log(enum lp_log_level level, const char *msg, ...)
{
    struct line l = { .len = 0 };
    char when[LP_CLOCK_TEXT];
    va_list pairs;

    if ((int)level < atomic_load(&min_level))
        return;
    lp_clock_format(lp_clock_wall_ms(), 3, when);
    put(&l, "{\"ts\":\"", 7);
    put(&l, when, strlen(when));
    put(&l, "\"", 1);
    put_pair(&l, "level", level_names[level]);
    put_pair(&l, "msg", msg);
    for (unsigned i = 0; i < 2; i++)
        if (context[i].key)
            put_pair(&l, context[i].key, context[i].value);
    va_start(pairs, msg);
    for (const char *key = va_arg(pairs, const char *); key; key = va_arg(pairs, const char *))
        put_pair(&l, key, va_arg(pairs, const char *));
    va_end(pairs);
    memcpy(l.text + l.len, "}\n", 2);
    ssize_t n = write(STDERR_FILENO, l.text, l.len + 2);
    (void)n; /* nobody to tell */
}
