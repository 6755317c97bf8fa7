/* services/ai-feedback/text/cut.c -- ends of sentences by marks and what stands around them. No
 * state. */
#include "services/ai-feedback/text/cut.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "services/ai-feedback/text/span.h"

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Bytes of closing quotes and brackets at text[i]. */
static size_t closing(const char *text, size_t len, size_t i)
{
    size_t n = 0;
    while (i + n < len) {
        if (text[i + n] && strchr("\"')]", text[i + n]))
            n++;
        else if (len - i - n >= 3 && memcmp(text + i + n, "\xe2\x80", 2) == 0 &&
                 (text[i + n + 2] == '\x9d' || text[i + n + 2] == '\x99'))
            n += 3;
        else
            break;
    }
    return n;
}

static bool small_letter_follows(const char *text, size_t len, size_t i)
{
    while (i < len && is_space(text[i]) && text[i] != '\n')
        i++;
    return i < len && islower((unsigned char)text[i]);
}

/* Full stop, question and exclamation mark of Chinese and Japanese; no space follows them. */
static size_t wide_end(const char *text, size_t len, size_t i)
{
    if (len - i < 3)
        return 0;
    bool stop = memcmp(text + i, "\xe3\x80\x82", 3) == 0;
    bool wide =
        memcmp(text + i, "\xef\xbc\x81", 3) == 0 || memcmp(text + i, "\xef\xbc\x9f", 3) == 0;
    return stop || wide ? 3 : 0;
}

/* A . ! or ? at text[i] that ends a sentence; the bytes that belong to it. */
static size_t mark_end(const char *text, size_t len, size_t i)
{
    size_t n = 1, quotes;
    bool dotted;

    if (!text[i] || !strchr(".!?", text[i]) || (i > 0 && text[i - 1] && strchr(".!?", text[i - 1])))
        return 0; /* a run is looked at once, from its first mark */
    while (i + n < len && text[i + n] && strchr(".!?", text[i + n]))
        n++;
    quotes = closing(text, len, i + n);
    size_t behind = i + n + quotes;
    if (behind < len && !is_space(text[behind]))
        return 0;
    bool small = small_letter_follows(text, len, behind);
    if ((quotes > 0 || n > 2) && small)
        return 0;
    if (n == 1 && text[i] == '.' && span_is_abbreviation(text, i, &dotted) &&
        !(dotted && behind < len && !small && islower((unsigned char)text[i - 1])))
        return 0;
    return n + quotes;
}

static size_t end_at(const char *text, size_t len, size_t i)
{
    if (text[i] == '\n')
        return 1;
    size_t n = wide_end(text, len, i);
    return n > 0 ? n + closing(text, len, i + n) : mark_end(text, len, i);
}

/* The longest piece that ends at a word's end, or at least at a character's. */
static size_t piece(const char *text, size_t max, size_t last_space)
{
    size_t n = last_space > 0 ? last_space : max;
    while (n > 1 && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    return n;
}

size_t sentence_cut(const char *text, size_t len, size_t max)
{
    size_t i = span_list_mark(text, len), last_space = 0, end = 0;

    for (; i < len && i < max; i++) {
        if (is_space(text[i]))
            last_space = i;
        end = end_at(text, len, i);
        if (end > 0)
            break;
    }
    if (end == 0 && i < len)
        return piece(text, max, last_space);
    i += end;
    while (i < len && is_space(text[i]))
        i++;
    return i;
}
