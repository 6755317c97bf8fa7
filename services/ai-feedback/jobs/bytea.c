/* services/ai-feedback/jobs/bytea.c -- see bytea.h. No state. libpq reads this form, but writes it
 * on a connection only, which the pool keeps to itself. */
#include "services/ai-feedback/jobs/bytea.h"

#include <libpq-fe.h>
#include <string.h>

#include "base/alloc.h"

char *bytea_text(const void *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = bytes;

    if (!bytes)
        return NULL;
    char *text = lp_alloc(2 * len + 3), *to = text;
    *to++ = '\\';
    *to++ = 'x';
    for (size_t i = 0; i < len; i++) {
        *to++ = digits[from[i] >> 4];
        *to++ = digits[from[i] & 15];
    }
    *to = '\0';
    return text;
}

unsigned char *bytea_bytes(const char *text, size_t *ret_len)
{
    *ret_len = 0;
    if (!text)
        return NULL;
    unsigned char *theirs = PQunescapeBytea((const unsigned char *)text, ret_len);
    if (!theirs)
        abort(); /* no memory, as in lp_alloc() */
    unsigned char *bytes = lp_alloc(*ret_len + 1);
    memcpy(bytes, theirs, *ret_len);
    PQfreemem(theirs);
    return bytes;
}
