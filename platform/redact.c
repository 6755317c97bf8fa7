/* platform/redact.c -- see the header. It errs on the side of taking out too much. Pure. */
#include "platform/redact.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "json/json.h"

#define MAX_LINE (1 << 20)

/* "KEY" in HASH_KEY and "Key" in hashKey, not in MONKEY. */
static bool has_word(const char *name, const char *word)
{
    size_t n = strlen(word);

    for (const char *p = name; (p = strcasestr(p, word)); p++) {
        unsigned char before = p == name ? '_' : (unsigned char)p[-1];
        unsigned char first = (unsigned char)*p, last = (unsigned char)p[n - 1];
        unsigned char after = (unsigned char)p[n];
        bool begins = !isalpha(before) || (islower(before) && isupper(first));
        bool ends = !isalpha(after) || (islower(last) && isupper(after));
        if (begins && ends)
            return true;
    }
    return false;
}

bool redact_is_credential_name(const char *name)
{
    static const char *const words[] = { "password", "passwd",     "pass",       "secret",
                                         "token",    "key",        "credential", "apikey",
                                         "pwd",      "passphrase", "secrets",    "credentials",
                                         "keys",     "tokens" };

    for (size_t i = 0; i < LP_COUNT(words); i++)
        if (has_word(name, words[i]))
            return true;
    return false;
}

/* "scheme://user:password@host" */
static bool has_userinfo(const char *text)
{
    const char *start = strstr(text, "://");
    if (!start)
        return false;
    start += 3;
    size_t n = strcspn(start, "/?# \t\"'");
    const char *at = memchr(start, '@', n);
    return at && memchr(start, ':', (size_t)(at - start));
}

static bool is_token_char(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_';
}

/* Three parts of base64url with dots, the first the base64 of "{"" (RFC 7519). */
static bool has_jwt(const char *text)
{
    for (const char *p = text; (p = strstr(p, "eyJ")); p++) {
        const char *q = p;
        int dots = 0;
        while (is_token_char(*q) || (*q == '.' && ++dots <= 2))
            q++;
        if (dots >= 2 && q - p > 20)
            return true;
    }
    return false;
}

bool redact_is_credential_text(const char *text)
{
    return has_userinfo(text) || has_jwt(text) || strcasestr(text, "bearer ") ||
           strstr(text, "PRIVATE KEY-----");
}

static bool is_credential(const char *name, const json_t *value)
{
    const char *text = json_string_value(value);
    return text && (redact_is_credential_name(name) || redact_is_credential_text(text));
}

static void redact_env(json_t *list)
{
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        const char *name = lp_json_str(item, "name", NULL);
        if (is_credential(name ? name : "", json_object_get(item, "value")))
            lp_json_set_str(item, "value", REDACTED);
    }
}

static void redact_map(json_t *map)
{
    const char *key;
    json_t *value;
    void *next;

    json_object_del(map, "kubectl.kubernetes.io/last-applied-configuration");
    json_object_foreach_safe(map, next, key, value) if (is_credential(key, value))
        json_object_set_new(map, key, json_string(REDACTED));
}

void redact_object(json_t *object)
{
    static const char *const maps[] = { "data", "stringData", "annotations" };
    const char *key;
    json_t *value;
    size_t i;

    json_array_foreach(object, i, value) redact_object(value);
    redact_env(json_object_get(object, "env"));
    for (i = 0; i < LP_COUNT(maps); i++)
        if (json_is_object(json_object_get(object, maps[i])))
            redact_map(json_object_get(object, maps[i]));
    json_object_foreach(object, key, value) redact_object(value);
}

char *redact_line(const char *line)
{
    static const char space[] = " \t\",";
    struct lp_buf out = LP_BUF_INIT(MAX_LINE);
    bool bearer = false;

    while (*line) {
        size_t gap = strspn(line, space), n = strcspn(line + gap, space);
        lp_auto_free char *word = lp_strndup(line + gap, n);
        lp_buf_add(&out, line, gap);
        lp_buf_str(&out, n > 0 && (bearer || redact_is_credential_text(word)) ? REDACTED : word);
        bearer = strcasecmp(word, "bearer") == 0;
        line += gap + n;
    }
    return lp_buf_take(&out);
}
