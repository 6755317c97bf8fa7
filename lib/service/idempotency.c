/* lib/service/idempotency.c -- reads the header Idempotency-Key. No state. */
#include "service/idempotency.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* What follows the first quote; false where it does not end as it should. */
static bool read_quoted(const char *at, struct lp_buf *ret_key)
{
    for (; *at != '"'; at++) {
        if (*at == '\\' && *++at != '"' && *at != '\\')
            return false;
        if (*at < 0x20 || *at > 0x7e)
            return false;
        lp_buf_char(ret_key, *at);
    }
    at++;
    return at[strspn(at, " ")] == '\0';
}

static bool read_plain(const char *at, struct lp_buf *ret_key)
{
    for (; isgraph((unsigned char)*at); at++)
        lp_buf_char(ret_key, *at);
    return *at == '\0';
}

int lp_idempotency_key(const char *value, struct lp_buf *ret_key, struct lp_error *err)
{
    bool good = *value == '"' ? read_quoted(value + 1, ret_key) : read_plain(value, ret_key);

    if (good && ret_key->len >= 1 && ret_key->len <= LP_IDEMPOTENCY_KEY_MAX && !ret_key->overflowed)
        return 0;
    return lp_error_set(err, LP_E_INVALID,
                        "Idempotency-Key must be 1 to %d visible characters, or a quoted string",
                        LP_IDEMPOTENCY_KEY_MAX);
}
