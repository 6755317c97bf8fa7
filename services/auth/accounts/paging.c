/* No state; any thread. */
#include "services/auth/accounts/paging.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool paging_number(struct lp_service_request *r, const char *name, int64_t min, int64_t max,
                   int64_t fallback, int64_t *ret_number)
{
    const char *text = lp_http_query(r->x, name);
    *ret_number = fallback;
    if (!text || !*text)
        return true;
    if (text[strspn(text, "0123456789")] != '\0')
        return false;
    errno = 0;
    long long number = strtoll(text, NULL, 10);
    *ret_number = number;
    return errno == 0 && number >= min && number <= max;
}
