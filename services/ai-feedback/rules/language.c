/* services/ai-feedback/rules/language.c -- the gate: which language a sentence is written in. Words
 * that are frequent in English too ("in", "no", "die") are in no other list. No state. */
#include "services/ai-feedback/rules/rules.h"

#include <string.h>

#include "base/alloc.h"

#define N_WORDS 32

static const char *const english[] = {
    "the",  "a",    "an",    "i",     "you",  "he",   "she",   "it",   "we",    "they", "is",
    "are",  "was",  "were",  "am",    "be",   "been", "to",    "of",   "and",   "in",   "on",
    "at",   "for",  "with",  "my",    "your", "his",  "her",   "our",  "their", "this", "that",
    "not",  "do",   "does",  "did",   "have", "has",  "had",   "will", "would", "can",  "could",
    "like", "want", "very",  "there", "what", "when", "who",   "how",  "why",   "but",  "because",
    "so",   "if",   "from",  "by",    "go",   "went", "yes",   "me",   "him",   "them", "us",
    "i'm",  "it's", "don't", "think", "know", "good", "about", "all",  "or",    "as",   "more",
};

static const struct {
    const char *code, *words[N_WORDS];
} others[] = {
    { "id", { "saya",   "suka", "dan",  "yang",   "untuk",   "dengan", "ini",   "itu",
              "tidak",  "aku",  "kamu", "adalah", "makan",   "pergi",  "bisa",  "akan",
              "dari",   "ke",   "kami", "mereka", "dia",     "sudah",  "belum", "karena",
              "sangat", "juga", "tapi", "ingin",  "sekolah", "rumah",  "ada" } },
    { "es", { "el",    "los",   "las",    "que",    "por",  "una",     "pero",  "muy",
              "yo",    "tengo", "es",     "soy",    "está", "estoy",   "gusta", "nosotros",
              "ellos", "donde", "cuando", "porque", "hola", "gracias", "mi",    "esta",
              "del",   "con",   "para",   "como",   "más",  "también", "y" } },
    { "pt",
      { "não",    "uma",      "que",   "com",    "você",  "muito", "eu",   "tenho", "nós", "os",
        "do",     "da",       "em",    "para",   "mas",   "como",  "isso", "ele",   "ela", "são",
        "também", "obrigado", "gosto", "porque", "minha", "meu",   "um",   "é" } },
    { "fr",
      { "le",      "les",  "des",   "est",  "une", "je",   "vous", "nous", "que",   "qui",  "dans",
        "pour",    "avec", "mais",  "et",   "il",  "elle", "suis", "très", "c'est", "j'ai", "merci",
        "bonjour", "sont", "cette", "être", "ils", "sur",  "pas",  "à",    "où" } },
    { "de", { "der", "das", "und",   "ich",  "nicht", "ist", "ein",  "eine", "mit", "auf", "für",
              "sie", "wir", "haben", "sind", "auch",  "wie", "aber", "habe", "zu",  "von", "er",
              "es",  "dem", "den",   "sehr", "bin",   "gut", "mich", "mir",  "über" } },
    { "it", { "il",   "che",    "di",  "è",     "sono",    "non",    "per", "una", "con",
              "mi",   "molto",  "gli", "della", "anche",   "questo", "io",  "lei", "perché",
              "ciao", "grazie", "nel", "piace", "abbiamo", "hanno",  "mio", "mia", "più" } },
    { "nl", { "het",  "een",  "ik",  "niet", "van",   "dat",  "zijn",  "voor", "met",
              "je",   "wij",  "ook", "maar", "hij",   "naar", "heb",   "bent", "mijn",
              "heel", "goed", "wat", "er",   "graag", "dit",  "hebben" } },
    { "tl",
      { "ang", "ng", "mga", "ako", "ikaw", "sa", "ay", "hindi", "siya", "kami", "kayo", "ito", "po",
        "naman", "gusto", "kumain", "maganda", "salamat" } },
    { "tr",
      { "bir", "ve", "bu", "ben", "için", "çok", "değil", "var", "ile", "ama", "sen", "ne", "okula",
        "seviyorum", "biz", "güzel" } },
    { "vi",
      { "tôi", "là", "không", "của", "và", "có", "một", "rất", "thích", "được", "người", "anh",
        "em", "chúng" } },
};

/* Scripts by the first bytes of their characters in UTF-8. */
static const char *script_of(const unsigned char *u)
{
    if (u[0] == 0xd0 || u[0] == 0xd1)
        return "ru";
    if (u[0] >= 0xd8 && u[0] <= 0xdb)
        return "ar";
    if (u[0] == 0xce || u[0] == 0xcf)
        return "el";
    if (u[0] == 0xd6 || u[0] == 0xd7)
        return "he";
    if (u[0] == 0xe0)
        return u[1] >= 0xb8 && u[1] <= 0xb9 ? "th" : u[1] <= 0xa5 ? "hi" : "other";
    if (u[0] == 0xe3 && u[1] >= 0x81)
        return "ja";
    if (u[0] >= 0xe4 && u[0] <= 0xe9)
        return "zh";
    if (u[0] >= 0xea && u[0] <= 0xed)
        return "ko";
    return NULL;
}

struct evidence {
    size_t words, unknown, english, other[LP_COUNT(others)];
    size_t letters, of_script; /* tokens with a letter; those of another script */
    const char *script;
};

static bool is_among(const char *word, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n && list[i]; i++)
        if (strcmp(word, list[i]) == 0)
            return true;
    return false;
}

static void weigh(struct evidence *e, const char *word, const struct spelling *speller)
{
    const char *script = script_of((const unsigned char *)word);

    e->words++;
    if (script) {
        e->of_script++;
        if (!e->script || strcmp(script, "ja") == 0)
            e->script = script;
        return;
    }
    bool is_english = is_among(word, english, LP_COUNT(english));
    e->english += is_english;
    e->unknown += !is_english && !spelling_knows(speller, word);
    for (size_t k = 0; k < LP_COUNT(others); k++)
        e->other[k] += is_among(word, others[k].words, N_WORDS);
}

static const char *decide(const struct evidence *e)
{
    size_t best = 0;

    if (2 * e->of_script > e->words)
        return e->script;
    for (size_t k = 1; k < LP_COUNT(others); k++)
        if (e->other[k] > e->other[best])
            best = k;
    size_t other = e->other[best];
    if (other >= 2 && other > e->english)
        return others[best].code;
    if (other >= 1 && other >= e->english && 2 * e->unknown >= e->words)
        return others[best].code;
    if (e->english == 0 && e->unknown >= 3 && 4 * e->unknown >= 3 * e->words)
        return "other";
    return "en";
}

/* A line of a program: every third token is a sign that prose does not have. */
static bool is_code(const struct sentence *s)
{
    size_t signs = 0;

    for (size_t i = 0; i < s->n; i++) {
        const struct token *t = &s->tokens[i];
        signs += t->kind != TOKEN_WORD && t->len <= 2 && strchr("={}<>;+*\\|&", s->text[t->at]);
    }
    return signs >= 2 && 3 * signs >= s->n;
}

const char *sentence_language(const struct sentence *s, const struct spelling *speller)
{
    struct evidence e = { 0 };

    if (is_code(s))
        return "other";
    for (size_t i = 0; i < s->n; i++) {
        char word[64];
        if (s->tokens[i].kind == TOKEN_WORD && token_lower(s, i, word, sizeof word) > 0)
            weigh(&e, word, speller);
    }
    return decide(&e);
}
