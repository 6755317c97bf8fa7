/* lib/base/log.c -- formats a line on the stack and writes it with one write(), so that lines of
 * several threads never mix. The level is atomic, the context thread-local. */
#include "base/log.h"

#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log_limit.h"

_Static_assert(LP_LOG_LINE <= PIPE_BUF, "a pipe takes a line whole");

#define IDENTITY_PART 128
#define SEQ_ROOM 40 /* ,"seq":18446744073709551615}\n */

static const char *const level_names[] = { "debug", "info", "warn", "error" };

static atomic_int min_level = LP_LOG_INFO;
/* What lp_log_context, lp_log_context_id and lp_log_context_trace have set. */
static _Thread_local struct {
    const char *key, *value;
} context[3];

/* A line under construction; what does not fit before `cap` is dropped. */
struct line {
    char text[LP_LOG_LINE];
    size_t len, cap;
};

/* What lp_log_identity has set: ,"program":"..","version":"..","pod":"..","run":".." */
static struct line identity = { .cap = sizeof identity.text - SEQ_ROOM };

static atomic_uint_least64_t last_seq, lost;
static atomic_uint_least64_t written[LP_LOG_ERROR + 1], left_out[LP_LOG_ERROR + 1];

static void put(struct line *l, const char *s, size_t n)
{
    if (l->len + n <= l->cap) {
        memcpy(l->text + l->len, s, n);
        l->len += n;
    }
}

/* RFC 8259, section 7. Bytes over 0x7f pass as they are. */
static void put_escaped(struct line *l, const char *s)
{
    for (; *s && l->len + 6 < l->cap; s++) {
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
    if (l->len + strlen(key) + 16 > l->cap)
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
    l->text[l->len++] = '"'; /* put_escaped keeps room for it */
}

void lp_log_set_level(enum lp_log_level level)
{
    atomic_store(&min_level, (int)level);
}

bool lp_log_is_on(enum lp_log_level level)
{
    return (int)level >= atomic_load(&min_level);
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

static void put_part(const char *key, const char *value)
{
    char part[IDENTITY_PART];

    snprintf(part, sizeof part, "%s", value);
    put_pair(&identity, key, part);
}

void lp_log_identity(const char *program, const char *version, const char *pod)
{
    static bool registered;
    char host[IDENTITY_PART] = "", run[17];
    uint64_t id = 0;

    identity.len = 0;
    if (!pod || !*pod)
        gethostname(host, sizeof host - 1);
    if (getrandom(&id, sizeof id, 0) != (ssize_t)sizeof id)
        id = (uint64_t)lp_clock_wall_ms(); /* early in the boot of a machine */
    snprintf(run, sizeof run, "%016llx", (unsigned long long)id);
    put_part("program", program);
    put_part("version", version);
    put_part("pod", pod && *pod ? pod : host);
    put_part("run", run);
    if (!registered)
        atexit(lp_log_end);
    registered = true;
}

static void set_context(unsigned i, const char *key, const char *value)
{
    context[i].key = key;
    context[i].value = value;
}

void lp_log_context(const char *key, const char *value)
{
    set_context(0, key, value);
}

void lp_log_context_id(const char *key, const char *value)
{
    set_context(1, key, value);
}

void lp_log_context_trace(const char *key, const char *value)
{
    set_context(2, key, value);
}

struct lp_log_counts lp_log_counts(void)
{
    struct lp_log_counts c = { .lost = atomic_load(&lost) };

    for (int i = LP_LOG_DEBUG; i <= LP_LOG_ERROR; i++) {
        c.written[i] = atomic_load(&written[i]);
        c.left_out[i] = atomic_load(&left_out[i]);
    }
    return c;
}

/* ---- a line ---- */

static void begin(struct line *l, int level, const char *msg)
{
    char when[LP_CLOCK_TEXT];

    l->len = 0;
    l->cap = sizeof l->text - SEQ_ROOM - identity.len;
    lp_clock_format(lp_clock_wall_ms(), 3, when);
    put(l, "{\"ts\":\"", 7);
    put(l, when, strlen(when));
    put(l, "\"", 1);
    put_pair(l, "level", level_names[level]);
    put_pair(l, "msg", msg);
}

/* The number last, so that there is none without its line. */
static void end(struct line *l, int level)
{
    memcpy(l->text + l->len, identity.text, identity.len);
    l->len += identity.len;
    uint64_t seq = atomic_fetch_add(&last_seq, 1) + 1;
    int n = snprintf(l->text + l->len, SEQ_ROOM, ",\"seq\":%llu}\n", (unsigned long long)seq);
    l->len += (size_t)n;
    atomic_fetch_add(&written[level], 1);
    if (write(STDERR_FILENO, l->text, l->len) != (ssize_t)l->len)
        atomic_fetch_add(&lost, 1);
}

static void tell(const struct lp_log_left_out *told)
{
    struct line l;
    char text[40];

    begin(&l, told->level, told->msg);
    int n = snprintf(text, sizeof text, ",\"left_out\":%llu", (unsigned long long)told->lines);
    put(&l, text, (size_t)n);
    end(&l, told->level);
}

static void tell_until(int64_t now_ms)
{
    struct lp_log_left_out told;

    while (lp_log_limit_due(now_ms, &told))
        tell(&told);
}

void lp_log_end(void)
{
    tell_until(INT64_MAX);
}

void lp_log_sweep(void)
{
    tell_until(lp_clock_ms());
}

/* ---- which lines are repeats ---- */

/* Without the words that have digits: ports, times, numbers of bytes. */
static uint64_t hash_sentence(uint64_t hash, const char *text)
{
    while (*text) {
        size_t n = 0;
        bool digits = false;
        while (isalnum((unsigned char)text[n]))
            digits |= isdigit((unsigned char)text[n++]) != 0;
        if (!digits)
            hash = lp_hash_bytes(hash, text, n + (text[n] != '\0'));
        text += n + (text[n] != '\0');
    }
    return hash;
}

static uint64_t hash_pair(uint64_t hash, const char *key, const char *value)
{
    if (strcmp(key, "id") == 0 || strcmp(key, "trace_id") == 0 || strcmp(key, "learner") == 0)
        return hash;
    hash = lp_hash_add(hash, key);
    if (value && (strcmp(key, "error") == 0 || strcmp(key, "why") == 0))
        return hash_sentence(hash, value);
    return lp_hash_add(hash, value);
}

static uint64_t kind_of(int level, const char *msg, va_list pairs)
{
    uint64_t hash = lp_hash_bytes(LP_HASH_START, &level, sizeof level);

    hash = lp_hash_add(hash, msg);
    if (context[0].key)
        hash = hash_pair(hash, context[0].key, context[0].value);
    for (const char *key = va_arg(pairs, const char *); key; key = va_arg(pairs, const char *))
        hash = hash_pair(hash, key, va_arg(pairs, const char *));
    return hash;
}

/* True: the line is written. What was left out before is told first. */
static bool is_admitted(uint64_t kind, int level, const char *msg)
{
    struct lp_log_left_out told;
    int64_t now = lp_clock_ms();

    bool admitted = lp_log_limit_admits(kind, level, msg, now, &told);
    if (told.lines > 0)
        tell(&told);
    tell_until(now);
    if (!admitted)
        atomic_fetch_add(&left_out[level], 1);
    return admitted;
}

static void write_line(int level, const char *msg, va_list pairs)
{
    struct line l;

    begin(&l, level, msg);
    for (unsigned i = 0; i < sizeof context / sizeof *context; i++)
        if (context[i].key)
            put_pair(&l, context[i].key, context[i].value);
    for (const char *key = va_arg(pairs, const char *); key; key = va_arg(pairs, const char *))
        put_pair(&l, key, va_arg(pairs, const char *));
    end(&l, level);
}

void lp_log(enum lp_log_level level, const char *msg, ...)
{
    va_list pairs;

    if (!lp_log_is_on(level))
        return;
    if (level > LP_LOG_DEBUG) {
        va_start(pairs, msg);
        uint64_t kind = kind_of((int)level, msg, pairs);
        va_end(pairs);
        if (!is_admitted(kind, (int)level, msg))
            return;
    }
    va_start(pairs, msg);
    write_line((int)level, msg, pairs);
    va_end(pairs);
}

void lp_log_each(enum lp_log_level level, const char *msg, ...)
{
    va_list pairs;

    if (!lp_log_is_on(level))
        return;
    va_start(pairs, msg);
    write_line((int)level, msg, pairs);
    va_end(pairs);
}
