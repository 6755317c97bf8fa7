/* lib/json/yaml_scalar.c -- see yaml_scalar.h. */
#include "json/yaml_scalar.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"

#define MAX_NUMBER 64 /* longer ones are strings */

/* One of `words`, as it is, Capitalised or in CAPITALS. */
static bool is_one_of(const char *s, const char *const *words)
{
    for (; *words; words++) {
        size_t n = strlen(*words), upper = 0;
        if (strlen(s) != n || strcasecmp(s, *words) != 0)
            continue;
        for (size_t i = 0; i < n; i++)
            upper += s[i] >= 'A' && s[i] <= 'Z';
        if (upper == 0 || upper == n || (upper == 1 && s[0] >= 'A' && s[0] <= 'Z'))
            return true;
    }
    return false;
}

/* An integer as Go's strconv.ParseInt reads it with base 0. */
static bool read_integer(const char *s, json_int_t *ret)
{
    const char *digits = s + (*s == '-' || *s == '+');
    int base = 10;
    char *end;

    if (digits[0] == '0' && digits[1]) {
        char kind = digits[1];
        base = kind == 'x' || kind == 'X' ? 16 : kind == 'b' || kind == 'B' ? 2 : 8;
        digits += base != 8 || kind == 'o' || kind == 'O' ? 2 : 1;
    }
    if (!*digits || strspn(digits, "0123456789abcdefABCDEF") != strlen(digits))
        return false;
    errno = 0;
    unsigned long long n = strtoull(digits, &end, base);
    if (*end || errno != 0 || n > (unsigned long long)INT64_MAX)
        return false;
    *ret = *s == '-' ? -(json_int_t)n : (json_int_t)n;
    return true;
}

/* [-+]? digits with a point somewhere, and an exponent or none. */
static bool read_float(const char *s, double *ret)
{
    const char *p = s + (*s == '-' || *s == '+');
    size_t whole = strspn(p, "0123456789"), part = 0;
    char *end;

    p += whole;
    if (*p == '.') {
        part = strspn(p + 1, "0123456789");
        p += 1 + part;
    }
    if (whole + part == 0)
        return false;
    if (*p == 'e' || *p == 'E') {
        p += 1 + (p[1] == '-' || p[1] == '+');
        size_t digits = strspn(p, "0123456789");
        if (digits == 0)
            return false;
        p += digits;
    }
    errno = 0;
    *ret = strtod(s, &end);
    return !*p && end == p && errno == 0;
}

static json_t *number(const char *s)
{
    char packed[MAX_NUMBER];
    json_int_t n;
    double d;
    size_t len = 0;

    if (!strchr("+-.0123456789", *s) || strlen(s) >= sizeof packed)
        return NULL;
    for (const char *p = s; *p; p++)
        if (*p != '_')
            packed[len++] = *p;
    packed[len] = '\0';
    if (read_integer(packed, &n))
        return json_integer(n);
    return read_float(packed, &d) ? json_real(d) : NULL;
}

json_t *lp_yaml_plain(const char *s)
{
    static const char *const nulls[] = { "null", "~", NULL };
    static const char *const yes[] = { "y", "yes", "true", "on", NULL };
    static const char *const no[] = { "n", "no", "false", "off", NULL };

    if (!*s || is_one_of(s, nulls))
        return json_null();
    if (is_one_of(s, yes))
        return json_true();
    if (is_one_of(s, no))
        return json_false();
    json_t *v = number(s);
    return v ? v : json_string(s);
}

bool lp_yaml_tagged(const char *tag, const char *s, json_t **ret)
{
    static const char prefix[] = "tag:yaml.org,2002:";
    json_auto_t *v = NULL;

    if (strcmp(tag, "!") == 0) {
        *ret = json_string(s);
        return true;
    }
    if (strncmp(tag, prefix, sizeof prefix - 1) != 0)
        return false;
    tag += sizeof prefix - 1;
    v = strcmp(tag, "str") == 0 ? json_string(s) : lp_yaml_plain(s);
    bool fits = (strcmp(tag, "str") == 0) || (strcmp(tag, "int") == 0 && json_is_integer(v)) ||
                (strcmp(tag, "float") == 0 && json_is_number(v)) ||
                (strcmp(tag, "bool") == 0 && json_is_boolean(v)) ||
                (strcmp(tag, "null") == 0 && json_is_null(v));
    if (fits)
        *ret = json_incref(v);
    return fits;
}
