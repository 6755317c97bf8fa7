/* services/ai-worker/speech/ways.c -- see ways.h. No state. */
#include "services/ai-worker/speech/ways.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Natural logarithms: how much better a way must fit the sound to be taken instead of the word. */
#define COST_SKIP 20.0 /* words left out, and for each of them */
#define COST_SKIP_WORD 5.0
#define SKIP_WORDS 3 /* or the rest of a sentence, and sentences behind it: */
#define COST_SKIP_REST 40.0
#define COST_AGAIN 10.0
#define COST_FILLER 10.0
#define COST_OTHER 5.0
#define COST_NOISE 5.0 /* each sound of it */

/* What learners say for a sound, and those whose first language makes it usual (ISO 639-1). */
static const struct confusion {
    const char *expected, *said, *languages;
} confusions[] = {
    { "TH", "S", "zh ja ko de fr" },
    { "TH", "T", "id ms th vi hi es pt it ru tl" },
    { "DH", "D", "id ms th vi hi es pt it tl" },
    { "DH", "Z", "zh ja ko de fr ru" },
    { "V", "W", "zh hi th de" },
    { "V", "B", "es ja ko tl" },
    { "V", "F", "id ms ar vi" },
    { "W", "V", "de ru hi tr" },
    { "F", "P", "id ms ko tl" },
    { "P", "B", "ar" },
    { "B", "P", "de zh" },
    { "R", "L", "ja ko zh th" },
    { "L", "R", "ja ko" },
    { "Z", "S", "id ms es zh th vi tl sv" },
    { "Z", "JH", "ko hi" },
    { "ZH", "SH", "id de" },
    { "SH", "S", "id vi th tl" },
    { "S", "SH", "ja ko" },
    { "CH", "SH", "fr pt th" },
    { "JH", "CH", "de zh tr" },
    { "JH", "Y", "es" },
    { "NG", "N", "fr es it" },
    { "D", "T", "de ru id vi zh" },
    { "G", "K", "de ru id vi zh" },
    { "IH", "IY", "es pt it fr zh ja ko id ru tr ar" },
    { "IY", "IH", "" },
    { "AE", "EH", "de id ms nl ru ko tr" },
    { "AE", "AH", "ja zh es it" },
    { "EH", "AE", "" },
    { "EH", "IH", "" },
    { "AH", "AA", "es it ja zh" },
    { "UH", "UW", "es it fr ja zh id" },
    { "UW", "UH", "" },
    { "AO", "OW", "zh ja th" },
    { "OW", "AO", "id es it fr de" },
    { "EY", "EH", "id es th" },
    { "ER", "AO", "" },
};

const char *ways_expected(const char *phones)
{
    size_t n = strcspn(phones, " ");

    for (size_t i = 0; i < LP_COUNT(confusions); i++)
        if (strncmp(confusions[i].expected, phones, n) == 0 && !confusions[i].expected[n])
            return confusions[i].expected;
    return NULL;
}

static bool has_language(const char *list, const char *language)
{
    for (const char *at = list; *at; at++)
        if (strncmp(at, language, 2) == 0 && (at == list || at[-1] == ' '))
            return true;
    return false;
}

bool ways_is_usual(const char *language, const char *expected, const char *said)
{
    if (!language || strlen(language) < 2)
        return false;
    for (size_t i = 0; i < LP_COUNT(confusions); i++)
        if (strcmp(confusions[i].expected, expected) == 0 && strcmp(confusions[i].said, said) == 0)
            return has_language(confusions[i].languages, language);
    return false;
}

void ways_done(struct ways *ways)
{
    for (size_t i = 0; i < ways->n; i++)
        free(ways->ways[i].phones);
    free(ways->ways);
    free(ways->arcs);
    free(ways->skips);
    *ways = (struct ways){ 0 };
}

/* There is room for RECOGNISER_ARCS. Takes `way.phones` over. */
static void add(struct ways *ways, struct way way, unsigned from, unsigned to, double cost)
{
    if (ways->n == RECOGNISER_ARCS) {
        free(way.phones);
        return;
    }
    ways->arcs[ways->n] = (struct recogniser_arc){ from, to, way.phones, cost };
    ways->ways[ways->n++] = way;
}

/* `phones` with `said` instead of the `at`th, `old` bytes long. */
static char *replace(const char *phones, const char *at, size_t old, const char *said)
{
    return lp_sprintf("%.*s%s%s", (int)(at - phones), phones, said, at + old);
}

static void add_others(struct ways *ways, unsigned word, const char *phones)
{
    unsigned phone = 0;

    for (const char *at = phones; *at; phone++) {
        size_t n = strcspn(at, " ");
        for (size_t i = 0; i < LP_COUNT(confusions); i++) {
            const struct confusion *c = &confusions[i];
            if (strncmp(c->expected, at, n) != 0 || c->expected[n])
                continue;
            struct way way = { WAY_OTHER, word, phone, c->said, replace(phones, at, n, c->said) };
            add(ways, way, word, word + 1, COST_OTHER);
        }
        at += n;
        at += *at == ' ';
    }
}

/* What may come anywhere: fillers, and of words that the text does not have some of the sounds. */
static void add_fillers(struct ways *ways, unsigned state)
{
    static const char *const fillers[][2] = { { "um", "AH M" }, { "uh", "AH" } };

    static const char *const noise[] = { "AA", "AE", "IY", "OW", "ER", "L",
                                         "N",  "S",  "T",  "F",  "M",  "K" };

    for (size_t i = 0; i < LP_COUNT(noise); i++)
        add(ways, (struct way){ .kind = WAY_NOISE, .phones = lp_strdup(noise[i]) }, state, state,
            COST_NOISE);
    for (size_t i = 0; i < LP_COUNT(fillers); i++) {
        struct way way = { WAY_FILLER, 0, 0, fillers[i][0], lp_strdup(fillers[i][1]) };
        add(ways, way, state, state, COST_FILLER);
    }
}

/* Whether a sentence, or the end of the text, begins at a state. */
static bool begins(const struct reference *reference, unsigned state)
{
    if (state == 0 || state >= reference->n)
        return state >= reference->n;
    return reference->words[state].sentence != reference->words[state - 1].sentence;
}

/* Words that the dictionary does not have cost nothing. */
static void set_skips(struct ways *ways, const struct reference *reference,
                      const struct dictionary_entry *entries)
{
    ways->skips = lp_calloc((size_t)ways->states * ways->states, sizeof *ways->skips);
    for (unsigned from = 0; from < ways->states; from++) {
        unsigned known = 0;
        for (unsigned to = from + 1; to < ways->states; to++) {
            double *cost = &ways->skips[from * ways->states + to];
            known += entries[to - 1].n > 0;
            if (known <= SKIP_WORDS)
                *cost = known == 0 ? 0 : COST_SKIP + COST_SKIP_WORD * known;
            else
                *cost = begins(reference, to) ? COST_SKIP_REST : RECOGNISER_NEVER;
        }
    }
}

void ways_of(const struct reference *reference, const struct dictionary_entry *entries,
             struct ways *ret_ways)
{
    struct ways ways = { .states = (unsigned)reference->n + 1 };

    ways.ways = lp_calloc(RECOGNISER_ARCS, sizeof *ways.ways);
    ways.arcs = lp_calloc(RECOGNISER_ARCS, sizeof *ways.arcs);
    set_skips(&ways, reference, entries);
    for (unsigned i = 0; i < reference->n; i++) {
        const struct dictionary_entry *e = &entries[i];
        for (unsigned k = 0; k < e->n; k++) {
            struct way right = { WAY_RIGHT, i, 0, NULL, lp_strdup(e->ways[k]) };
            add(&ways, right, i, i + 1, 0);
            struct way again = { WAY_AGAIN, i, 0, NULL, lp_strdup(e->ways[k]) };
            add(&ways, again, i + 1, i + 1, COST_AGAIN);
        }
    }
    for (unsigned i = 0; i < ways.states; i++)
        add_fillers(&ways, i);
    for (unsigned i = 0; i < reference->n; i++)
        if (entries[i].n > 0)
            add_others(&ways, i, entries[i].ways[0]);
    *ret_ways = ways;
}
