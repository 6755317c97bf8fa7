/* lib/service/trace.c -- no state, any thread. */
#include "service/trace.h"

#include <string.h>

static bool is_one_of(char c, const char *others)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr(others, c));
}

bool lp_trace_is_request_id(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!is_one_of(s[i], "._-+/=:"))
            return false;
    }
    return n > 0 && n <= LP_REQUEST_ID_MAX;
}

bool lp_trace_is_parent(const char *s, size_t n)
{
    static const char shape[] = "hh-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";

    if (n != sizeof shape - 1)
        return false;
    for (size_t i = 0; i < n; i++) {
        bool hex = (s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f');
        if (shape[i] == 'h' ? !hex : s[i] != '-')
            return false;
    }
    return memcmp(s, "ff", 2) != 0 && memcmp(s + 3, "00000000000000000000000000000000", 32) != 0 &&
           memcmp(s + 36, "0000000000000000", 16) != 0;
}

void lp_trace_parent(const char *trace_id, const char *parent_id, char ret[LP_TRACE_PARENT])
{
    memcpy(ret, "00-", 3); // NOLINT(bugprone-not-null-terminated-result): the NUL comes last
    memcpy(ret + 3, trace_id, 32);
    ret[35] = '-';
    memcpy(ret + 36, parent_id, 16);
    memcpy(ret + 52, "-01", 4);
}
