/* services/ai-feedback/rules/fluency.c -- what speaking leaves in a transcript: fillers and
 * repetitions. */
#include <string.h>

#include "base/alloc.h"
#include "services/ai-feedback/rules/fluency_like.h"
#include "services/ai-feedback/rules/forms.h"
#include "services/ai-feedback/rules/rules.h"
#include "services/ai-feedback/tagging/tagger.h"

static bool is_one_of(const struct sentence *s, size_t i, const char *const *words, size_t n)
{
    for (size_t k = 0; k < n; k++)
        if (token_is(s, i, words[k]))
            return true;
    return false;
}

static bool is_capital(const struct sentence *s, size_t i)
{
    char c = s->text[s->tokens[i].at];
    return c >= 'A' && c <= 'Z';
}

static void delete_filler(struct sentence *s, size_t i, const char *what)
{
    token_change(s, i, "", CATEGORY_FILLER, "filler", 0.95,
                 "\"%s\" is a filler: it fills a pause and can be left out.", what);
}

/* A comma that stood beside a deleted filler has no work left. */
static void delete_comma(struct sentence *s, size_t i)
{
    if (i < s->n && token_is(s, i, ","))
        token_change(s, i, "", CATEGORY_FILLER, "filler", 0.9, "The comma belonged to the filler.");
}

static bool is_mark_of(const struct sentence *s, size_t i, const char *set)
{
    const struct token *t = i < s->n ? &s->tokens[i] : NULL;
    return t && t->kind == TOKEN_MARK && t->len == 1 && !t->now && strchr(set, s->text[t->at]);
}

/* "So um I went": the "so" only held the floor. */
static void delete_so(struct sentence *s, size_t i)
{
    size_t before = sentence_previous(s, i);

    if (before < s->n && token_is(s, before, ","))
        before = sentence_previous(s, before);
    if (before == s->n || !token_is(s, before, "so") || sentence_previous(s, before) != s->n ||
        sentence_next(s, i) == s->n)
        return;
    delete_filler(s, before, "so um");
    delete_comma(s, sentence_next(s, before));
}

static void delete_sound(struct sentence *s, size_t i)
{
    char word[16];

    delete_so(s, i);
    size_t before = sentence_previous(s, i);
    bool at_start = before == s->n;

    token_lower(s, i, word, sizeof word);
    delete_filler(s, i, word);
    size_t after = sentence_next(s, i);
    bool comma_before = !at_start && token_is(s, before, ",");
    if (at_start || comma_before)
        delete_comma(s, after);
    /* Where nothing else was said, its full stop goes too. */
    after = sentence_next(s, i);
    if (at_start && is_mark_of(s, after, ".?!") && sentence_next(s, after) == s->n)
        token_change(s, after, "", CATEGORY_FILLER, "filler", 0.9,
                     "The mark belonged to the filler.");
}

/* "ER" is a room in a hospital, "5 mm" a length. */
static bool is_sound(const struct sentence *s, size_t i)
{
    static const char *const sounds[] = { "um",  "umm", "ummm", "uh", "uhh", "uhm",
                                          "erm", "er",  "hmm",  "mm", "mmm", "ah" };
    const struct token *t = &s->tokens[i];
    size_t before = sentence_previous(s, i);

    if (!is_one_of(s, i, sounds, LP_COUNT(sounds)))
        return false;
    bool capitals = t->len > 1 && s->text[t->at + 1] >= 'A' && s->text[t->at + 1] <= 'Z';
    bool measure = before < s->n && s->tokens[before].kind == TOKEN_NUMBER;
    return !capitals && !measure;
}

/* Behind these there is no comma: "because, you know, he" is "because he"; but "He was, I mean, he
 * is ill". */
static bool ends_no_part(const struct sentence *s, size_t i, size_t next)
{
    static const char *const verbs[] = { "is",  "are", "was",  "were", "i",   "he",
                                         "she", "we",  "they", "left", "just" };
    static const char *const anew[] = { "i",  "i'm",  "he",  "he's", "she",   "she's", "it",
                                        "we", "it's", "you", "they", "there", "that" };
    static const char *const words[] = {
        "because", "and",  "but", "to",   "that", "the",  "a",    "an",    "of",
        "for",     "with", "if",  "when", "or",   "is",   "are",  "was",   "were",
        "in",      "at",   "on",  "my",   "your", "his",  "her",  "their", "our",
        "i",       "he",   "she", "we",   "they", "left", "just", "from"
    };
    return is_one_of(s, i, words, LP_COUNT(words)) &&
           !(is_one_of(s, i, verbs, LP_COUNT(verbs)) && is_one_of(s, next, anew, LP_COUNT(anew)));
}

/* "you know" and the like are fillers only where commas set them off, or at the start before a
 * comma. */
static void delete_phrase(struct sentence *s, size_t i, const char *first, const char *second)
{
    size_t j = second ? sentence_next(s, i) : i;

    if (!token_is(s, i, first) || (second && !token_is(s, j, second)))
        return;
    size_t before = sentence_previous(s, i), after = sentence_next(s, j);
    if ((before != s->n && !token_is(s, before, ",")) || !token_is(s, after, ","))
        return;
    size_t last = before < s->n ? sentence_previous(s, before) : s->n;
    if (second && token_same(s, last, j))
        return; /* "If you know, you know, ..." */
    delete_filler(s, i, second ? "this phrase" : first);
    if (second)
        delete_filler(s, j, "this phrase");
    delete_comma(s, after);
    if (last < s->n && ends_no_part(s, last, sentence_next(s, j)))
        delete_comma(s, before);
}

/* Letters of `word` before a hyphen that only begin what follows it: "w-what", "th-the", "i-i";
 * but "t-shirt", "t-test", "re-read", "so-so". */
static size_t false_start(const char *word)
{
    static const char *const fine[] = { "t-test", "t-tests", "t-tail", "s-shaped", "s-shape",
                                        "d-day",  "b-boy",   "b-boys", "b-ball",   "d-dimer" };
    const char *rest = strchr(word, '-');
    size_t len = rest ? (size_t)(rest - word) : 0;

    if (len == 0 || len > 2 || strncmp(word, rest + 1, len) != 0)
        return 0;
    for (size_t i = 0; i < LP_COUNT(fine); i++)
        if (strcmp(word, fine[i]) == 0)
            return 0;
    bool all = strlen(rest + 1) == len;
    bool vowel = strcspn(word, "aeiou") < len;
    if (all && strcmp(word, "i-i") != 0)
        return 0; /* "so-so", "no-no" */
    return len == 2 && vowel ? 0 : *word == 'e' ? 0 : len;
}

/* "w-what" in a word, or "w- what". */
static void drop_false_start(struct sentence *s, size_t i)
{
    char word[48], next[48];
    size_t len = token_lower(s, i, word, sizeof word);
    size_t hyphen = sentence_next(s, i), after = hyphen < s->n ? sentence_next(s, hyphen) : s->n;
    const struct token *t = &s->tokens[i];

    if (len > 2 && len + 1 < sizeof word && (len = false_start(word)) > 0) {
        lp_auto_free char *rest = lp_strndup(s->text + t->at + len + 1, t->len - len - 1);
        bool capital = s->text[t->at] >= 'A' && s->text[t->at] <= 'Z';
        if (capital && sentence_previous(s, i) != s->n)
            return; /* "a C-class" is a name */
        if (capital && *rest >= 'a' && *rest <= 'z')
            *rest = (char)(*rest - 'a' + 'A');
        token_change(s, i, rest, CATEGORY_REPETITION, "false-start", 0.9,
                     "The word was begun twice; once is enough.");
        return;
    }
    if (len == 0 || len > 2 || after == s->n || !is_mark_of(s, hyphen, "-") ||
        s->tokens[hyphen].space || !s->tokens[after].space ||
        token_lower(s, after, next, sizeof next) <= len || strncmp(word, next, len) != 0)
        return;
    token_change(s, i, "", CATEGORY_REPETITION, "false-start", 0.9,
                 "The word was begun twice; once is enough.");
    token_change(s, hyphen, "", CATEGORY_REPETITION, "false-start", 0.9,
                 "The dash belonged to the word that was begun twice.");
}

/* A finite verb but the word `but`: "every student like it" has no other. */
static bool has_verb(const struct sentence *s, size_t but)
{
    static const char *const others[] = {
        "is",  "are",    "am",   "was",   "were", "do",      "does",   "did",    "have",
        "has", "had",    "can",  "could", "will", "would",   "should", "must",   "may",
        "i'm", "you're", "he's", "she's", "it's", "they're", "we're",  "that's", "don't",
    };
    for (size_t i = sentence_next(s, (size_t)-1); i < s->n; i = sentence_next(s, i)) {
        char word[FORM_ROOM];
        unsigned forms = 0;
        if (i == but || token_lower(s, i, word, sizeof word) == 0)
            continue;
        if (is_one_of(s, i, others, LP_COUNT(others)) ||
            (verb_find(word, &forms) >= 0 && (forms & ~(1U << VERB_ING | 1U << VERB_PARTICIPLE))))
            return true;
    }
    return false;
}

/* "i like play games", as learners write it, would read well without the verb. */
static bool may_be_the_verb(const struct sentence *s, size_t i)
{
    static const char *const subjects[] = { "i",      "you",   "we",     "they",    "to",
                                            "would",  "don't", "didn't", "do",      "did",
                                            "really", "also",  "not",    "doesn't", "who",
                                            "people", "i'd",   "dont",   "always",  "will" };
    size_t before = sentence_previous(s, i), after = sentence_next(s, i);
    char word[FORM_ROOM];
    unsigned forms = 0;

    if (!token_is(s, i, "like"))
        return false;
    if (before < s->n && is_one_of(s, before, subjects, LP_COUNT(subjects)))
        return true;
    if (!has_verb(s, i))
        return true;
    return after < s->n && token_lower(s, after, word, sizeof word) > 0 &&
           verb_find(word, &forms) >= 0 && (forms & 1U << VERB_BASE);
}

/* "languages like Haskell", "fruits like apples": a preposition. */
static bool compares_nouns(const struct sentence *s, size_t i)
{
    char before[FORM_ROOM], after[FORM_ROOM];
    size_t b = sentence_previous(s, i), a = sentence_next(s, i);
    bool plural = false, ignored;

    if (b == s->n || a == s->n || token_lower(s, b, before, sizeof before) == 0 ||
        token_lower(s, a, after, sizeof after) == 0)
        return false;
    bool named = s->tokens[a].kind == TOKEN_WORD && is_capital(s, a);
    return noun_find_any(before, &plural) >= 0 && plural &&
           (named || noun_find_any(after, &ignored) >= 0);
}

/* In a transcript no comma sets off "like" and "you know". */
static void delete_unmarked(struct sentence *s, const struct spelling *speller)
{
    lp_auto_free size_t *tokens = lp_calloc(s->n + 1, sizeof *tokens);
    size_t n = tagger_fillers(s, speller, tokens);

    for (size_t i = 0; i < s->n; i++)
        if (s->tokens[i].kind == TOKEN_WORD && like_is_filler(s, i))
            delete_filler(s, i, "like");
    for (size_t i = 0; i < n; i++) {
        char word[16];
        token_lower(s, tokens[i], word, sizeof word);
        const struct token *t = &s->tokens[tokens[i]];
        if ((t->now && !*t->now) || may_be_the_verb(s, tokens[i]) ||
            (strcmp(word, "like") == 0 &&
             (compares_nouns(s, tokens[i]) || like_is_meant(s, tokens[i]))))
            continue;
        delete_filler(s, tokens[i], strcmp(word, "like") == 0 ? "like" : "this phrase");
    }
}

void rule_fillers(struct sentence *s, const struct spelling *speller, bool unmarked)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->tokens[i].kind != TOKEN_WORD)
            continue;
        if (is_sound(s, i)) {
            delete_sound(s, i);
            continue;
        }
        delete_phrase(s, i, "you", "know");
        delete_phrase(s, i, "i", "mean");
        delete_phrase(s, i, "like", NULL);
        drop_false_start(s, i);
    }
    if (unmarked)
        delete_unmarked(s, speller);
}

/* "a cruel cruel world": what is neither noun nor verb, before what is no verb either. */
static bool is_said_for_weight(const struct sentence *s, size_t i)
{
    static const char *const before[] = { "a", "an", "the", "this", "that", "such" };
    char word[FORM_ROOM], next[FORM_ROOM];
    size_t b = sentence_previous(s, i), after = sentence_next(s, sentence_next(s, i));
    unsigned forms;
    bool plural;

    return b < s->n && after < s->n && is_one_of(s, b, before, LP_COUNT(before)) &&
           token_lower(s, i, word, sizeof word) > 3 && noun_find_any(word, &plural) < 0 &&
           verb_find_any(word, &forms) < 0 && s->tokens[after].kind == TOKEN_WORD &&
           token_lower(s, after, next, sizeof next) > 3 && verb_find_any(next, &forms) < 0;
}

/* Words that are said twice on purpose, or that meet themselves ("what it is is", "had had"). */
static bool may_repeat(const struct sentence *s, size_t i)
{
    static const char *const fine[] = {
        "had",  "that",  "very",   "really", "so",    "no",    "yes",   "bye",   "many",  "much",
        "far",  "is",    "was",    "do",     "again", "long",  "never", "ha",    "knock", "night",
        "now",  "go",    "wait",   "please", "well",  "hear",  "blah",  "there", "big",   "more",
        "zero", "one",   "two",    "three",  "four",  "five",  "six",   "seven", "eight", "nine",
        "who",  "her",   "too",    "quick",  "run",   "oh",    "ok",    "okay",  "yeah",  "old",
        "hey",  "hi",    "hello",  "cool",   "nice",  "true",  "good",  "fine",  "sure",  "right",
        "yep",  "yup",   "nope",   "aw",     "wow",   "woah",  "whoa",  "ooh",   "ah",    "hint",
        "wink", "nudge", "cough",  "yum",    "tick",  "chop",  "stop",  "come",  "look",  "listen",
        "same", "sorry", "thanks", "boy",    "man",   "dear",  "cluck", "quack", "woof",  "ding",
        "tut",  "beep",  "wakey",  "aye",    "choo",  "goody", "boo",   "tsk",   "hush",  "boom",
        "bang", "tap",   "hip",    "la",     "na",    "drip",
    };
    char word[FORM_ROOM];

    return is_one_of(s, i, fine, LP_COUNT(fine)) || is_said_for_weight(s, i) ||
           (token_lower(s, i, word, sizeof word) > 0 && adjective_find(word) >= 0);
}

/* "Bora Bora": two capitals are a name, but for "I". */
static bool is_double_name(const struct sentence *s, size_t i, size_t j)
{
    return is_capital(s, i) && is_capital(s, j) && !token_is(s, i, "i");
}

/* "the internet is is useful"; but "what it is is", "the thing is is that". */
static bool is_is_too_much(const struct sentence *s, size_t i)
{
    static const char *const fine[] = { "what",    "how",      "where",     "who",      "all",
                                        "it",      "that",     "this",      "thing",    "point",
                                        "problem", "there",    "whoever",   "whatever", "which",
                                        "whether", "question", "whichever", "wherever" };

    if (i == 0 || !token_is(s, i, "is"))
        return false;
    for (size_t k = i > 12 ? i - 12 : 0; k < i; k++)
        if (is_one_of(s, k, fine, LP_COUNT(fine)))
            return false;
    return true;
}

/* What a speaker begins anew with. */
static bool may_begin_anew(const struct sentence *s, size_t i)
{
    static const char *const first[] = { "i",    "we",   "he",    "she",     "it",   "they",
                                         "you",  "to",   "in",    "the",     "a",    "an",
                                         "my",   "and",  "but",   "because", "so",   "at",
                                         "when", "if",   "on",    "for",     "with", "want",
                                         "need", "went", "think", "can",     "will", "was" };
    return is_one_of(s, i, first, LP_COUNT(first));
}

static void delete_repeated(struct sentence *s, size_t i)
{
    char word[64];
    token_lower(s, i, word, sizeof word);
    token_change(s, i, "", CATEGORY_REPETITION, "repeated-words", 0.9,
                 "\"%s\" is said twice in a row; once is enough.", word);
}

/* "I want I want to go": the first pair goes. */
static bool delete_pair(struct sentence *s, size_t i, size_t second)
{
    static const char *const clause[] = { "what", "whatever", "when", "whenever", "who", "if" };
    size_t third = second < s->n ? sentence_next(s, second) : s->n;
    size_t fourth = third < s->n ? sentence_next(s, third) : s->n;
    size_t before = sentence_previous(s, i);

    if (second == s->n || !may_begin_anew(s, i) || !token_same(s, i, third) ||
        !token_same(s, second, fourth) ||
        (before < s->n && is_one_of(s, before, clause, LP_COUNT(clause))) ||
        (token_is(s, i, "to") && token_is(s, second, "be")) || /* "have to be to be first" */
        (token_is(s, i, "and") && !may_begin_anew(s, second)))
        return false; /* "whatever you do you do well", "and more and more" */
    delete_repeated(s, i);
    delete_repeated(s, second);
    return true;
}

/* What the first "to" belongs to: "who you spoke to to ask", "as you need to to be safe". */
static bool has_own_to(const struct sentence *s, size_t i)
{
    static const char *const verbs[] = {
        "referred", "refer",     "applied",  "apply",     "spoke",   "speak",      "connected",
        "talked",   "listened",  "adjusted", "went",      "replied", "subscribed", "attached",
        "linked",   "responded", "goes",     "talk",      "belong",  "belongs",    "go",
        "listen",   "listens",   "write",    "wrote",     "turn",    "turned",     "move",
        "moved",    "reply",     "respond",  "subscribe", "report",  "attach"
    };
    static const char *const wants[] = { "need", "want",   "have",   "has", "had",
                                         "go",   "needed", "wanted", "like" };
    static const char *const behind[] = { "as",  "what", "whatever", "all",  "everything",
                                          "who", "than", "that",     "which" };
    size_t k = sentence_previous(s, i);

    if (is_one_of(s, i, verbs, LP_COUNT(verbs)))
        return true;
    if (!is_one_of(s, i, wants, LP_COUNT(wants)))
        return false;
    k = k < s->n ? sentence_previous(s, k) : s->n;
    return k < s->n && is_one_of(s, k, behind, LP_COUNT(behind));
}

/* "the man I spoke to to ask": the verb before keeps its own "to", and another verb follows. */
static bool keeps_its_to(const struct sentence *s, size_t i, size_t second)
{
    static const char *const places[] = { "the", "a",     "an",   "my",     "your", "his",   "her",
                                          "our", "their", "this", "school", "work", "it",    "bed",
                                          "him", "them",  "me",   "us",     "you",  "church" };
    char after[FORM_ROOM] = "";
    size_t before = sentence_previous(s, i), next = sentence_next(s, second);
    unsigned forms = 0;

    if (!token_is(s, i, "to") || before == s->n || next == s->n)
        return false;
    token_lower(s, next, after, sizeof after);
    return has_own_to(s, before) && !is_one_of(s, next, places, LP_COUNT(places)) &&
           (verb_find_any(after, &forms) < 0 || forms & 1u << VERB_BASE);
}

/* "to record record profits": a verb, and a noun that is written like it. */
static bool is_verb_and_noun(const struct sentence *s, size_t i)
{
    size_t before = sentence_previous(s, i);
    return before < s->n && token_is(s, before, "to") && s->tokens[i].len > 4;
}

void rule_repetitions(struct sentence *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->tokens[i].kept || (s->tokens[i].now && !*s->tokens[i].now))
            continue;
        size_t j = sentence_next(s, i);
        if (token_same(s, i, j)) {
            if (!is_verb_and_noun(s, i) && (!may_repeat(s, i) || is_is_too_much(s, i)) &&
                !keeps_its_to(s, i, j) && !is_double_name(s, i, j))
                delete_repeated(s, i);
        } else {
            delete_pair(s, i, j);
        }
    }
}
