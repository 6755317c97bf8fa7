/* services/ai-feedback/spelling/channel.c -- a weighted distance table. The weights were chosen by
 * hand on the project's own examples (test/unit/test_ai_feedback_spelling.c). No state. */
#include "services/ai-feedback/spelling/channel.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "services/ai-feedback/spelling/lexicon.h"

#define EDIT 5.0       /* any letter */
#define FIRST 2.0      /* more where it is the first one */
#define VOWEL 3.5      /* one vowel for another */
#define ALIKE 3.0      /* letters that sound alike */
#define DOUBLED 2.5    /* a letter once instead of twice, or twice */
#define SILENT 3.5     /* an e or h more or less */
#define APOSTROPHE 1.0 /* left out */
#define SWAP 3.0

static bool is_vowel(char c)
{
    return c && strchr("aeiouy", c);
}

static bool sound_alike(char a, char b)
{
    static const char pairs[] =
        "cs ck kq sz gj fv td bp mn iy lr vw bv sc kc qk zs jg vf dt pb nm yi rl wv vb";
    for (const char *p = pairs; *p; p += p[2] ? 3 : 2)
        if (p[0] == a && p[1] == b)
            return true;
    return false;
}

static double substitution(char typed, char meant, bool first)
{
    double cost = EDIT;

    if (typed == meant)
        return 0;
    if (is_vowel(typed) && is_vowel(meant))
        cost = VOWEL;
    else if (sound_alike(typed, meant))
        cost = ALIKE;
    return cost + (first ? FIRST : 0);
}

/* A letter that only one of the two has, after `before` and in front of `next` in that one. */
static double extra(char letter, char before, char next, bool first)
{
    if (letter == '\'')
        return APOSTROPHE;
    if (letter == before || letter == next)
        return DOUBLED;
    return (letter == 'e' || letter == 'h' ? SILENT : EDIT) + (first ? FIRST : 0);
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

/* The letter before the `n`th, which counts from 1; NUL where there is none. */
static char before(const char *word, size_t n)
{
    if (n < 2)
        return '\0';
    return word[n - 2];
}

double channel_cost(const char *typed, size_t typed_len, const char *meant, size_t meant_len)
{
    double rows[3][LEXICON_WORD] = { { 0 } };

    if (typed_len >= LEXICON_WORD || meant_len >= LEXICON_WORD)
        return (double)INFINITY;
    for (size_t i = 0; i <= typed_len; i++) {
        double *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
        for (size_t j = 0; j <= meant_len; j++) {
            double d = i || j ? (double)INFINITY : 0;
            if (i)
                d = least(d, above[j] + extra(typed[i - 1], before(typed, i), typed[i], i == 1));
            if (j)
                d = least(d, row[j - 1] + extra(meant[j - 1], before(meant, j), meant[j], j == 1));
            if (i && j)
                d = least(d, above[j - 1] +
                                 substitution(typed[i - 1], meant[j - 1], i == 1 && j == 1));
            if (i > 1 && j > 1 && typed[i - 1] == meant[j - 2] && typed[i - 2] == meant[j - 1] &&
                typed[i - 1] != typed[i - 2])
                d = least(d, above2[j - 2] + SWAP + (i == 2 ? FIRST / 2 : 0));
            row[j] = d;
        }
    }
    return rows[typed_len % 3][meant_len];
}
