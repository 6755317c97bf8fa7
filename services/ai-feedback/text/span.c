/* services/ai-feedback/text/span.c -- spans by their shape. ASCII decides; a chunk is what stands
 * between white space. No state. */
#include "services/ai-feedback/text/span.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"

#define WORD_MAX 60

static bool is_alnum(char c)
{
    return isalnum((unsigned char)c) || c & 0x80;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t chunk_length(const char *s, size_t left)
{
    size_t n = 0;
    while (n < left && !is_space(s[n]))
        n++;
    return n;
}

/* Without the marks that end a sentence or a bracket, which belong to the prose around it. */
static size_t without_marks(const char *s, size_t n)
{
    while (n > 0 && strchr(".,;:!?)]}\"'", s[n - 1]))
        n--;
    return n;
}

static bool starts(const char *s, size_t n, const char *with)
{
    return n > strlen(with) && strncasecmp(s, with, strlen(with)) == 0;
}

/* "U.S.", "p.m.", "e.g." */
static size_t dotted_letters(const char *s, size_t n)
{
    size_t i = 0;
    while (i + 1 < n && isalpha((unsigned char)s[i]) && s[i + 1] == '.')
        i += 2;
    return i >= 4 && (i == n || !is_alnum(s[i])) ? i : 0;
}

/* Titles and short forms that are written with a full stop. */
static bool is_short_form(const char *s, size_t n)
{
    static const char *const known[] = { "mr",   "mrs",    "ms", "dr",   "prof", "st",  "vs",
                                         "inc",  "ltd",    "co", "corp", "etc",  "jr",  "sr",
                                         "dept", "approx", "mt", "gen",  "sgt",  "fig", "cf" };
    for (size_t i = 0; i < LP_COUNT(known); i++)
        if (strlen(known[i]) == n && strncasecmp(known[i], s, n) == 0)
            return true;
    return false;
}

static size_t abbreviation(const char *s, size_t n)
{
    size_t i = dotted_letters(s, n);

    if (i > 0)
        return i;
    while (i < n && isalpha((unsigned char)s[i]))
        i++;
    return i < n && s[i] == '.' && is_short_form(s, i) ? i + 1 : 0;
}

/* ":)", ";-P", "<3", ":D" */
static size_t emoticon(const char *s, size_t n)
{
    static const char *const known[] = { ":)", ":-)", ":(", ":-(", ";)", ";-)", ":D",  ":-D",
                                         ":P", ":-P", ":p", "<3",  ":o", ":O",  ":'(", "xD",
                                         "XD", "^^",  "=)", ":/",  ":|", ":3" };
    for (size_t i = 0; i < LP_COUNT(known); i++) {
        size_t len = strlen(known[i]);
        if (len <= n && memcmp(s, known[i], len) == 0 && (len == n || !is_alnum(s[len])))
            return len;
    }
    return 0;
}

/* Pictures: U+1F000 to U+1FFFF, U+2190 to U+2BFF, and what joins and varies them. */
static size_t emoji(const char *s, size_t n)
{
    size_t i = 0;
    for (;;) {
        const unsigned char *u = (const unsigned char *)s + i;
        size_t left = n - i;
        if (left >= 4 && u[0] == 0xf0 && u[1] == 0x9f)
            i += 4;
        else if (left >= 3 && ((u[0] == 0xe2 && u[1] >= 0x86 && u[1] <= 0xaf) ||
                               (i > 0 && ((u[0] == 0xef && u[1] == 0xb8 && u[2] == 0x8f) ||
                                          (u[0] == 0xe2 && u[1] == 0x80 && u[2] == 0x8d)))))
            i += 3;
        else
            return i;
    }
}

/* "example.com", "report.pdf", "v1.2", "a@b.org": a full stop or @ between letters or digits, the
 * one behind it small. */
static bool has_inner_point(const char *s, size_t n)
{
    for (size_t i = 1; i + 1 < n; i++) {
        bool before = is_alnum(s[i - 1]),
             after = islower((unsigned char)s[i + 1]) || isdigit((unsigned char)s[i + 1]);
        if ((s[i] == '.' && before && after) || (s[i] == '@' && before && is_alnum(s[i + 1])))
            return true;
    }
    return false;
}

/* "B2B", "7pm", "COVID-19": letters and digits in one; a plain number or a year's end is none. */
static bool mixes_digits(const char *s, size_t n)
{
    bool digit = false, letter = false;
    for (size_t i = 0; i < n; i++) {
        digit = digit || isdigit((unsigned char)s[i]);
        letter = letter || isalpha((unsigned char)s[i]);
        if (!is_alnum(s[i]) && s[i] != '-' && s[i] != '\'')
            return false;
    }
    return digit && letter;
}

/* Letters that are too many for a word, of which the longest in English has 45: an identifier, a
 * key that was held down. */
static size_t endless(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n && isalpha((unsigned char)s[i]))
        i++;
    return i > WORD_MAX ? i : 0;
}

static bool is_code(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strchr("_={}<>\\|/~^", s[i]) ||
            (s[i] == '(' && i > 0 && is_alnum(s[i - 1]) && i + 1 < n && s[i + 1] == ')'))
            return true;
    return false;
}

/* Behind white space, or behind one opening mark that stands behind white space: so each byte is
 * looked at twice at most. */
static bool may_begin(const char *s, size_t before)
{
    size_t mark = before >= 3 && memcmp(s - 3, "\xe2\x80\x9c", 3) == 0 ? 3 : 1;

    if (before == 0 || is_space(s[-1]))
        return true;
    if (mark == 1 && !strchr("\"'([", s[-1]))
        return false;
    return before == mark || is_space(s[-(ptrdiff_t)mark - 1]);
}

size_t span_length(const char *s, size_t left, size_t before)
{
    size_t chunk = chunk_length(s, left), found = emoji(s, chunk);

    if (found > 0)
        return found;
    if (!may_begin(s, before))
        return 0;
    if (*s == '`') {
        const char *end = left > 1 ? memchr(s + 1, '`', left - 1) : NULL;
        return end ? (size_t)(end - s) + 1 : chunk;
    }
    if ((found = emoticon(s, chunk)) > 0 || (found = abbreviation(s, chunk)) > 0 ||
        (found = endless(s, chunk)) > 0)
        return found;
    size_t n = without_marks(s, chunk);
    if (n == 0)
        return 0;
    if (starts(s, n, "http://") || starts(s, n, "https://") || starts(s, n, "www."))
        return n;
    if ((*s == '@' || *s == '#') && n > 1 && is_alnum(s[1]))
        return n;
    if (is_code(s, chunk))
        return n < chunk && s[n - 1] == '(' && s[n] == ')' ? n + 1 : n;
    return (is_alnum(*s) || strchr("./-", *s)) && (has_inner_point(s, n) || mixes_digits(s, n)) ? n
                                                                                                : 0;
}

size_t span_list_mark(const char *s, size_t left)
{
    size_t n = 0;

    while (n < left && (s[n] == ' ' || s[n] == '\t'))
        n++;
    size_t start = n;
    if (n < left && strchr("-*+", s[n]))
        n++;
    else if (left - n >= 3 && memcmp(s + n, "\xe2\x80\xa2", 3) == 0)
        n += 3;
    else {
        while (n < left && n - start < 3 && isdigit((unsigned char)s[n]))
            n++;
        if (n == start && left - n >= 2 && isalpha((unsigned char)s[n]) && s[n + 1] == ')')
            n++;
        if (n == start || n >= left || !strchr(".)", s[n]))
            return 0;
        n++;
    }
    if (n >= left || (s[n] != ' ' && s[n] != '\t'))
        return 0;
    while (n < left && (s[n] == ' ' || s[n] == '\t'))
        n++;
    return n;
}

bool span_is_abbreviation(const char *text, size_t stop, bool *ret_dotted)
{
    size_t start = stop;

    while (start > 0 && !is_space(text[start - 1]) && !strchr("\"'([", text[start - 1]) &&
           stop - start < 8)
        start--;
    *ret_dotted = dotted_letters(text + start, stop + 1 - start) == stop + 1 - start;
    if (*ret_dotted || is_short_form(text + start, stop - start))
        return true;
    /* An initial: "J. Smith". */
    return stop - start == 1 && isupper((unsigned char)text[start]) && text[start] != 'I';
}
