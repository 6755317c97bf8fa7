/* services/ai-feedback/recording/reference.c -- see reference.h. No state. */
#include "services/ai-feedback/recording/reference.h"

#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"

#define APOSTROPHE "\xe2\x80\x99" /* ’ */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Of a word at `at`: its bytes that are a letter or an apostrophe between letters; 0: none begins
 * there. */
static size_t piece(const char *at, bool inside)
{
    size_t n = *at == '\'' ? 1 : strncmp(at, APOSTROPHE, 3) == 0 ? 3 : 0;

    if (is_letter(*at))
        return 1;
    return inside && n > 0 && is_letter(at[n]) ? n : 0;
}

/* Characters that are neither letters nor digits of any script, as far as English texts have them:
 * ASCII's, Latin-1's signs, and U+2000 to U+2BFF (dashes, quotes, arrows, …). */
static bool is_mark(const char *at, size_t n)
{
    unsigned char first = (unsigned char)at[0], second = n > 1 ? (unsigned char)at[1] : 0;

    if (n == 1)
        return true;
    return (n == 2 && first == 0xc2) || (n == 3 && first == 0xe2 && second < 0xb0);
}

static int refuse_letter(const char *at, size_t n, struct lp_error *err)
{
    if (n == 0)
        return lp_error_set(err, LP_E_INVALID, "text is not valid UTF-8");
    if (*at >= '0' && *at <= '9')
        return lp_error_set(err, LP_E_INVALID,
                            "text has the digit %c: spell numbers out, as they are to be read",
                            *at);
    return lp_error_set(err, LP_E_INVALID, "text has \"%.*s\": words are of the letters a to z",
                        (int)n, at);
}

/* The word at *at, which moves behind it. */
static int add_word(const char **at, unsigned sentence, struct reference *reference,
                    struct lp_error *err)
{
    struct reference_word *word = &reference->words[reference->n];
    const char *from = *at;
    size_t used = 0;

    if (reference->n == REFERENCE_WORDS)
        return lp_error_set(err, LP_E_INVALID, "text has over %d words", REFERENCE_WORDS);
    for (size_t n; (n = piece(*at, *at > from)) > 0; *at += n) {
        if (used == REFERENCE_WORD - 1)
            return lp_error_set(err, LP_E_INVALID, "text has a word of over %d letters",
                                REFERENCE_WORD - 1);
        word->text[used++] = '\'';
        if (is_letter(**at))
            word->text[used - 1] = (char)(**at | 0x20);
    }
    word->text[used] = '\0';
    word->sentence = sentence;
    reference->n++;
    return 0;
}

int reference_read(const char *text, struct reference *ret_reference, struct lp_error *err)
{
    struct reference reference = { 0 };
    unsigned sentence = 0;
    size_t left = strlen(text);
    int r = 0;

    if (left > REFERENCE_BYTES)
        return lp_error_set(err, LP_E_INVALID, "text has %zu bytes, %d at most", left,
                            REFERENCE_BYTES);
    for (const char *at = text, *end = text + left; at < end && r == 0;) {
        size_t n = lp_utf8_sequence(at, (size_t)(end - at));
        if (piece(at, false) > 0) {
            r = add_word(&at, sentence, &reference, err);
        } else if (n == 0 || (*at >= '0' && *at <= '9') || !is_mark(at, n)) {
            r = refuse_letter(at, n, err);
        } else {
            bool ends = strchr(".!?\n", *at) != NULL;
            if (ends && reference.n > 0 && reference.words[reference.n - 1].sentence == sentence)
                sentence++;
            at += n;
        }
    }
    if (r == 0 && reference.n == 0)
        r = lp_error_set(err, LP_E_INVALID, "text has no word");
    if (r == 0)
        *ret_reference = reference;
    return r;
}
