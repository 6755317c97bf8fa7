/* services/ai-feedback/rules/fluency_like.c -- "like" in a transcript, where its neighbours alone
 * tell that it is a filler. No state. */
#include "services/ai-feedback/rules/fluency_like.h"

#include <string.h>

#include "base/alloc.h"
#include "services/ai-feedback/rules/forms.h"

/* Where "like" is in the way of what belongs together: "to like know", "in like two days", "my like
 * phone", "so i like was there", "because like he" -- but "what you like is", "kind of like a",
 * "because like she said". Lists: "!" none of these, "" anything, "^" the begin or the end. */
#define SUBJECTS "i i'm he he's she she's they they're we we're there there's that's it's "
#define DID "was were is are had has did could would should went came got took knew forgot"
#define SAYING "!said says say told tells always"
#define LIKENED "!kind sort think thinks thought speak spoke spoken care taken bit"
static const struct {
    const char *behind, *before, *after, *next;
} plain_likes[] = {
    { "", "to",
      "be do get have make take see know learn tell say find buy eat ask keep give bring write "
      "read speak understand remember sit become teach explain participate figure wrap spend hang "
      "feel",
      "" },
    { "^ because so then but cause cuz think guess and", "he she it", DID, "" },
    { "^ because so then but cause cuz think guess", "i you we they", DID, "" },
    { LIKENED, "in at for from after before into during of with",
      "two three four five six seven eight nine ten eleven twelve fifteen twenty thirty fifty "
      "hundred half",
      "" },
    { LIKENED, "in for after of with", "a an",
      "week month year day minute second hour couple few bunch lot million thousand hundred" },
    { "!of", "my your his our their", ":n", "" },
    { "", "because cause cuz", SUBJECTS "if when what", SAYING },
    { "", "but", SUBJECTS "how why what if", SAYING },
};

static bool fits(const char *list, const char *word)
{
    bool plural;

    if (strcmp(list, ":n") == 0)
        return noun_find_any(word, &plural) >= 0 && !word_is_among(word, "button buttons");
    return !*list || (*list == '!' ? !word_is_among(word, list + 1) : word_is_among(word, list));
}

static void lower_or_edge(const struct sentence *s, size_t i, char ret_word[FORM_ROOM])
{
    if (i >= s->n || token_lower(s, i, ret_word, FORM_ROOM) == 0)
        memcpy(ret_word, "^", 2);
}

bool like_is_filler(const struct sentence *s, size_t i)
{
    char behind[FORM_ROOM], before[FORM_ROOM], after[FORM_ROOM], next[FORM_ROOM];
    size_t b = sentence_previous(s, i), a = sentence_next(s, i);

    if (!token_is(s, i, "like") || s->tokens[i].kept || b == s->n || a == s->n ||
        s->tokens[a].kind != TOKEN_WORD)
        return false;
    lower_or_edge(s, sentence_previous(s, b), behind);
    lower_or_edge(s, b, before);
    lower_or_edge(s, a, after);
    lower_or_edge(s, sentence_next(s, a), next);
    for (size_t k = 0; k < LP_COUNT(plain_likes); k++)
        if (word_is_among(before, plain_likes[k].before) && fits(plain_likes[k].behind, behind) &&
            fits(plain_likes[k].after, after) && fits(plain_likes[k].next, next))
            return true;
    return false;
}

/* "in like manner", "her like for cats", "see him like this": adjective, noun, preposition. */
bool like_is_meant(const struct sentence *s, size_t i)
{
    static const struct {
        const char *before, *after;
    } meant[] = {
        { "in on at for with of into from to",
          "manner fashion circumstances situations cases reasons terms kind mind minds age force "
          "forces poles condition new days quantity quantities" },
        { "me him her us them", "i we he she they you a an the this that these those my our" },
        { "my your his her our their its", "for of again will" },
    };
    char before[FORM_ROOM], after[FORM_ROOM];

    lower_or_edge(s, sentence_previous(s, i), before);
    lower_or_edge(s, sentence_next(s, i), after);
    for (size_t k = 0; k < LP_COUNT(meant); k++)
        if (word_is_among(before, meant[k].before) && word_is_among(after, meant[k].after))
            return true;
    return false;
}
