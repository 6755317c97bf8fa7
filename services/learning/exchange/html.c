/* services/learning/exchange/html.c -- text of fields of HTML, as notes of Anki have them. No
 * state. */
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "services/learning/exchange/sheet.h"

static bool ends_line(const char *tag)
{
    static const char *const tags[] = { "<br", "</div", "</p", "</li" };
    for (size_t i = 0; i < LP_COUNT(tags); i++) {
        size_t n = strlen(tags[i]);
        if (strncasecmp(tag, tags[i], n) == 0 && strchr(" />", tag[n]))
            return true;
    }
    return false;
}

/* Bytes that the entity at `text` takes, 0: there is none; *ret is what it stands for. */
static size_t entity(const char *text, const char **ret)
{
    static const struct {
        const char *name, *is;
    } known[] = { { "&lt;", "<" },   { "&gt;", ">" },  { "&amp;", "&" }, { "&quot;", "\"" },
                  { "&nbsp;", " " }, { "&#39;", "'" }, { "&apos;", "'" } };
    for (size_t i = 0; i < LP_COUNT(known); i++)
        if (strncmp(text, known[i].name, strlen(known[i].name)) == 0) {
            *ret = known[i].is;
            return strlen(known[i].name);
        }
    return 0;
}

void sheet_strip_html(char *text)
{
    char *to = text;
    for (const char *p = text; *p;) {
        const char *is = NULL, *end = *p == '<' ? strchr(p, '>') : NULL;
        size_t n = *p == '&' ? entity(p, &is) : 0;
        if (end) {
            if (ends_line(p))
                *to++ = '\n';
            p = end + 1;
        } else if (n > 0) {
            *to++ = *is;
            p += n;
        } else {
            *to++ = *p++;
        }
    }
    while (to > text && to[-1] == '\n')
        to--;
    *to = '\0';
}
