/* services/gateway/rules.c -- see the header. No state, any thread. */
#include "services/gateway/rules.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/buf.h"

#define TIME_MIN 10
#define TIME_MAX 3600000
#define ITEM_MAX 100

void rules_init(struct rules *r, int64_t timeout_ms)
{
    *r = (struct rules){ .connect_ms = RULES_CONNECT_MS,
                         .first_byte_ms = timeout_ms,
                         .idle_ms = timeout_ms };
}

void rules_done(struct rules *r)
{
    for (size_t i = 0; i < r->n_methods; i++)
        free(r->methods[i]);
    for (size_t i = 0; i < r->n_types; i++)
        free(r->types[i]);
    free(r->allow);
    *r = (struct rules){ .n_methods = 0 };
}

/* One part, "methods=GET POST". */
struct part {
    const char *key, *value;
    size_t key_len, value_len;
};

static bool is_key(const struct part *p, const char *key)
{
    return p->key_len == strlen(key) && memcmp(p->key, key, p->key_len) == 0;
}

static int refuse(const struct part *p, const char *wanted, struct lp_error *err)
{
    return lp_error_set(err, LP_E_INVALID, "%.*s=%.*s: %s", (int)p->key_len, p->key,
                        (int)(p->value_len < ITEM_MAX ? p->value_len : ITEM_MAX), p->value, wanted);
}

/* RFC 9110, 5.6.2. */
static bool is_token(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (!isalnum(c) && !strchr("!#$%&'*+-.^_`|~", c))
            return false;
    }
    return n > 0 && n <= ITEM_MAX;
}

static bool is_type(const char *text, size_t n)
{
    const char *slash = memchr(text, '/', n);
    size_t left = slash ? (size_t)(slash - text) : 0;

    return slash && is_token(text, left) && is_token(slash + 1, n - left - 1);
}

/* Words with one space between them. */
static int read_list(const struct part *p, bool (*is_good)(const char *, size_t),
                     const char *wanted, char **list, size_t *io_n, struct lp_error *err)
{
    const char *at = p->value, *end = p->value + p->value_len;

    if (*io_n > 0)
        return refuse(p, "is there twice", err);
    while (at <= end) {
        const char *space = memchr(at, ' ', (size_t)(end - at));
        size_t n = (size_t)((space ? space : end) - at);
        if (!is_good(at, n) || *io_n == RULES_LIST_MAX)
            return refuse(p, wanted, err);
        list[(*io_n)++] = lp_strndup(at, n);
        at += n + 1;
    }
    return 0;
}

static int read_time(const struct part *p, int64_t *ret_ms, struct lp_error *err)
{
    int64_t ms = 0;
    bool good = p->value_len > 0 && p->value_len <= 7;

    for (size_t i = 0; i < p->value_len && good; i++) {
        good = isdigit((unsigned char)p->value[i]);
        ms = 10 * ms + (p->value[i] - '0');
    }
    if (!good || ms < TIME_MIN || ms > TIME_MAX)
        return refuse(p, "must be 10..3600000 ms", err);
    *ret_ms = ms;
    return 0;
}

static int read_part(struct rules *r, const struct part *p, struct lp_error *err)
{
    if (is_key(p, "methods"))
        return read_list(p, is_token, "must be up to 16 methods with a space between them",
                         r->methods, &r->n_methods, err);
    if (is_key(p, "types"))
        return read_list(p, is_type,
                         "must be up to 16 types as application/json or audio/* with a space "
                         "between them",
                         r->types, &r->n_types, err);
    if (is_key(p, "connect"))
        return read_time(p, &r->connect_ms, err);
    if (is_key(p, "firstByte"))
        return read_time(p, &r->first_byte_ms, err);
    if (is_key(p, "idle"))
        return read_time(p, &r->idle_ms, err);
    if (is_key(p, "total"))
        return read_time(p, &r->total_ms, err);
    return refuse(p, "must be methods, types, connect, firstByte, idle or total", err);
}

/* OPTIONS is answered by the gateway itself, everywhere. */
static void write_allow(struct rules *r)
{
    struct lp_buf b = LP_BUF_INIT(4096);

    lp_buf_str(&b, "Allow: ");
    for (size_t i = 0; i < r->n_methods; i++)
        if (strcmp(r->methods[i], "OPTIONS") != 0)
            lp_buf_printf(&b, "%s, ", r->methods[i]);
    lp_buf_str(&b, "OPTIONS\r\n");
    r->allow = lp_buf_take(&b);
}

int rules_read(struct rules *io_rules, const char *text, size_t len, struct lp_error *err)
{
    const char *end = text + len;
    int ret = 0;

    for (const char *at = text; at < end && ret == 0;) {
        const char *stop = memchr(at, ';', (size_t)(end - at));
        size_t n = (size_t)((stop ? stop : end) - at);
        const char *equals = memchr(at, '=', n);
        struct part p = { .key = at, .key_len = equals ? (size_t)(equals - at) : n };
        p.value = at + p.key_len + (equals != NULL);
        p.value_len = (size_t)(at + n - p.value);
        ret = read_part(io_rules, &p, err);
        at += n + 1;
    }
    if (ret == 0 && io_rules->n_methods > 0 && !io_rules->allow)
        write_allow(io_rules);
    return ret;
}

bool rules_allow_method(const struct rules *r, const char *method, size_t len)
{
    for (size_t i = 0; i < r->n_methods; i++) {
        if (strlen(r->methods[i]) == len && memcmp(r->methods[i], method, len) == 0)
            return true;
    }
    return r->n_methods == 0;
}

bool rules_allow_type(const struct rules *r, const struct lp_field *type)
{
    size_t len = 0;

    if (r->n_types == 0)
        return true;
    while (type && len < type->value_len && !strchr("; \t,", type->value[len]))
        len++;
    for (size_t i = 0; i < r->n_types && len > 0; i++) {
        size_t n = strlen(r->types[i]);
        bool star = r->types[i][n - 1] == '*' && r->types[i][n - 2] == '/';
        if ((star ? len >= n : len == n) &&
            strncasecmp(r->types[i], type->value, star ? n - 1 : n) == 0)
            return true;
    }
    return false;
}
