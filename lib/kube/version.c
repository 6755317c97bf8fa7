/* lib/kube/version.c -- see the header. No state. */
#include "kube/version.h"

#include <string.h>

static bool is_number(const char *s, size_t n)
{
    return n > 0 && s[0] >= '1' && s[0] <= '9' && strspn(s, "0123456789") == n;
}

bool lp_kube_version_reached(const char *now, const char *wanted)
{
    if (!now || !wanted)
        return false;
    size_t n = strlen(now), m = strlen(wanted);
    if (!is_number(now, n) || !is_number(wanted, m))
        return strcmp(now, wanted) == 0;
    return n != m ? n > m : strcmp(now, wanted) >= 0;
}
