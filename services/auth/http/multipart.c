/* Looks for boundaries and copies nothing. Pure; any thread. */
#include "services/auth/http/multipart.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define BOUNDARY_MAX 70 /* RFC 2046, 5.1.1 */
#define HEAD_MAX 2048   /* bytes of a part's header lines */

/* "\r\n--boundary" */
static bool read_delimiter(const char *type, char delimiter[BOUNDARY_MAX + 5])
{
    if (strncasecmp(type, "multipart/form-data", 19) != 0 || !strchr("; \t", type[19]))
        return false;
    const char *at = strcasestr(type, "boundary=");
    if (!at)
        return false;
    at += strlen("boundary=");
    bool quoted = *at == '"';
    at += quoted;
    size_t n = strcspn(at, quoted ? "\"" : "; \t");
    if (n == 0 || n > BOUNDARY_MAX)
        return false;
    snprintf(delimiter, BOUNDARY_MAX + 5, "\r\n--%.*s", (int)n, at);
    return true;
}

/* The head is [head, head + n), without its empty line. */
static bool is_file(const char *head, size_t n)
{
    char text[HEAD_MAX + 1];
    if (n > HEAD_MAX || memchr(head, '\0', n))
        return false;
    memcpy(text, head, n);
    text[n] = '\0';
    const char *disposition = strcasestr(text, "content-disposition:");
    return disposition && strcasestr(disposition, "filename");
}

bool multipart_find_file(const char *content_type, const char *body, size_t len,
                         struct multipart_file *ret_file)
{
    char delimiter[BOUNDARY_MAX + 5];
    if (!content_type || !read_delimiter(content_type, delimiter))
        return false;
    size_t n = strlen(delimiter);
    const char *end = body + len, *at = body;
    if (len < n || memcmp(body, delimiter + 2, n - 2) != 0)
        return false;
    at += n - 2;
    while (end - at > 2 && memcmp(at, "\r\n", 2) == 0) { /* "--" ends the body */
        const char *head = at + 2;
        const char *bytes = memmem(at, (size_t)(end - at), "\r\n\r\n", 4);
        if (!bytes)
            return false;
        bytes += 4;
        const char *next = memmem(bytes - 2, (size_t)(end - bytes) + 2, delimiter, n);
        if (!next)
            return false;
        if (bytes - 4 > head && is_file(head, (size_t)(bytes - 4 - head))) {
            size_t size = next > bytes ? (size_t)(next - bytes) : 0;
            *ret_file = (struct multipart_file){ bytes, size };
            return true;
        }
        at = next + n;
    }
    return false;
}
