/* test/fuzz/fuzz_autoscaler_request.c -- a request of any bytes: lines of path, label selector and
 * Accept. What is taken stays within its limits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "autoscaler/api/discovery.h"
#include "autoscaler/api/query.h"
#include "kube/labels.h"
#include "base/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next line, the caller's. */
static char *line(const char **at, const char *end)
{
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));
    const char *stop = newline ? newline : end;
    char *text = lp_strndup(*at, (size_t)(stop - *at));
    *at = newline ? newline + 1 : end;
    return text;
}

static void check_query(const char *path)
{
    struct query q;
    struct lp_error err;
    if (query_parse(path, &q, &err) < 0)
        return;
    if (strlen(q.ns) >= sizeof q.ns || strlen(q.name) >= sizeof q.name || strchr(q.name, '/') ||
        strchr(q.ns, '/'))
        abort();
}

static void check_selector(const char *text)
{
    struct lp_selector s;
    struct lp_error err;
    if (lp_selector_parse(text, &s, &err) < 0)
        return;
    if (s.n > LP_SELECTOR_REQUIREMENTS || s.n_values > LP_SELECTOR_VALUES)
        abort();
    (void)lp_selector_matches(&s, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data, *end = at + size;
    lp_auto_free char *path = line(&at, end);
    lp_auto_free char *selector = line(&at, end);
    lp_auto_free char *accept = line(&at, end);

    check_query(path);
    check_selector(selector);
    (void)discovery_negotiate(accept, true);
    return 0;
}
