/* services/ai-feedback/rules/pattern_order.c -- the order of words, and subjects that are said
 * twice. Data only. */
#include "services/ai-feedback/rules/pattern.h"

#include "base/alloc.h"

#define OWNER "my|your|his|her|our|their"
#define TELLS \
    "know|knows|knew|understand|remember|me|him|her|us|them|wonder|forgot|sure|explain|decide"
#define MODALS "should|can|could|will|would|must"
#define COLOURS                                                                                  \
    "red|blue|green|black|white|yellow|brown|big|small|beautiful|expensive|new|old|interesting|" \
    "delicious"
#define HAS "has|have|had|bought|buy|is|was|want|wants|with|need|see|saw|got"
#define ONCE "The subject is said once: the noun, or he, she, it."
#define QUESTION_WITHIN \
    "A question within a sentence has the order of a statement: what I should do."
#define QUESTION "In a question the verb stands before the subject: where did you go?"
#define NO_PART_BETWEEN "Nothing stands between the verb and its object: I like it very much."

static const struct pattern patterns[] = {
    PATTERN("subject-twice-no-be", CATEGORY_GRAMMAR, 0.85, ONCE, "^|but|because|and|so",
            OWNER " :person he|she always|very|so|often :adjective", "= = - is_= =", NULL, NULL,
            "my mother she always angry => my mother is always angry",
            "My mother is always angry."),
    PATTERN("subject-twice", CATEGORY_GRAMMAR, 0.88, ONCE, "^|but|because|and|so",
            OWNER " :person he|she|they "
                  "is|was|has|had|can|will|always|also|doesn't|didn't|never|very|wants|likes|works|"
                  "lives|goes",
            "= = - =", NULL, NULL, "my brother he works here => my brother works here",
            "My brother works here.", "I told my brother he is right."),
    PATTERN("yesterday-first", CATEGORY_GRAMMAR, 0.85,
            "When it was stands first or last: yesterday I bought it.", "^",
            "i|he|she|we|they yesterday :past", "@2 @1 =", NULL, NULL,
            "I yesterday bought it => yesterday I bought it", "Yesterday I bought it."),
    PATTERN("very-much-verb", CATEGORY_GRAMMAR, 0.85,
            "\"Very much\" stands behind: I like it very much.", "i|we|they|you|he|she",
            "very much like|likes|love|loves|enjoy|enjoys :any", "- - = =_very_much",
            "$|and|but|because", NULL, "he very much likes football => he likes football very much",
            "He likes football very much."),
    PATTERN("like-very-much-the", CATEGORY_GRAMMAR, 0.88, NO_PART_BETWEEN, NULL,
            "like|likes|liked|love|loves|enjoy|enjoyed|enjoys very much "
            "the|my|this|your|his|her|our|their|it :any",
            "= - - = =_very_much", "$|and|but|because", NULL,
            "I like very much the music => I like the music very much",
            "I like the music very much."),
    PATTERN("like-very-much", CATEGORY_GRAMMAR, 0.85, NO_PART_BETWEEN, NULL,
            "like|likes|liked|love|loves|enjoy|enjoyed very much "
            "!to|and|but|because|when|in|that|if|so|or|as|at|with|indeed",
            "= - - =_very_much", "$", NULL,
            "I like very much football => I like football very much", "I like it very much."),
    PATTERN("enjoy-a-lot-the", CATEGORY_GRAMMAR, 0.88, NO_PART_BETWEEN, NULL,
            "enjoy|enjoyed|like|liked|love|loved a lot the|my|this|your|our :any",
            "= - - = =_a_lot", "$|and|but|because", NULL,
            "we enjoyed a lot the trip => we enjoyed the trip a lot", "We enjoyed the trip a lot."),
    PATTERN("often-behind-be", CATEGORY_GRAMMAR, 0.85,
            "How often stands behind \"be\": she is always late.",
            "and|but|he|she|it|we|they|i|you", "always|usually am|is|are|was|were :adjective",
            "@2 @1 =", NULL, NULL, "she always is tired => she is always tired",
            "She is always tired.", "They often are late."),
    PATTERN("adjective-first", CATEGORY_GRAMMAR, 0.85,
            "An adjective stands before its noun: a red car.", HAS, "a|an :noun " COLOURS,
            "= @3 @2", "$|and", NULL, "she has a car red => she has a red car",
            "She has a red car.", "They painted the house red."),
    PATTERN("very-adjective-first", CATEGORY_GRAMMAR, 0.85,
            "An adjective stands before its noun: a very big house.", HAS "|and",
            "a|an :noun very :adjective", "= @3 @4 @2", "$|and|in|with", NULL,
            "he has a house very big => he has a very big house", "He has a very big house."),
    PATTERN("enough-behind", CATEGORY_GRAMMAR, 0.88,
            "\"Enough\" stands behind an adjective: old enough.",
            "is|are|was|were|am|not|i'm|he's|she's|be|isn't|wasn't",
            "enough old|tall|good|big|strong|rich|smart|brave|fast|young|clever|lucky", "@2 @1",
            "to|for|$", NULL, "he is enough old to drive => he is old enough to drive",
            "He is old enough to drive.", "It was enough good news."),
    PATTERN("what-i-should", CATEGORY_GRAMMAR, 0.88, QUESTION_WITHIN, TELLS,
            "what|where|how|why|when|who " MODALS " i|you|he|she|we|they", "= @3 @2", NULL, NULL,
            "I don't know what should I do => I don't know what I should do",
            "I don't know what I should do.", "What should I do?"),
    PATTERN("where-it-is", CATEGORY_GRAMMAR, 0.88, QUESTION_WITHIN, TELLS,
            "where|what|who|how|why|when is|are|was|were he|she|it|they|you|this", "= @3 @2", "$",
            NULL, "I don't know where is it => I don't know where it is",
            "I don't know where it is.", "Where is it?"),
    PATTERN("where-i-live", CATEGORY_GRAMMAR, 0.88, QUESTION_WITHIN, TELLS,
            "where|what|how|why|when do i|you|we|they :base", "= - = =", NULL, NULL,
            "he asked me where do I live => he asked me where I live", "He asked me where I live.",
            "Where do I live?"),
    PATTERN("where-he-lives", CATEGORY_GRAMMAR, 0.88, QUESTION_WITHIN, TELLS,
            "where|what|how|why|when does he|she|it :base", "= - = :third", NULL, NULL,
            "I know where does he live => I know where he lives", "I know where he lives."),
    PATTERN("where-he-went", CATEGORY_GRAMMAR, 0.88, QUESTION_WITHIN, TELLS,
            "where|what|how|why|when did i|you|we|they|he|she|it :base", "= - = :past", NULL, NULL,
            "I know where did he go => I know where he went", "I know where he went."),
    PATTERN("where-did-you", CATEGORY_GRAMMAR, 0.88, QUESTION, "^",
            "where|why you|he|she|they did :base", "= @3 @2 =", NULL, NULL,
            "where you did buy it? => where did you buy it?", "Where did you buy it?",
            "When he did come, it was too late."),
    PATTERN("where-are-you", CATEGORY_GRAMMAR, 0.85, QUESTION, "^",
            "where|what|why you|they|we are :ing", "= @3 @2 =", "?", NULL,
            "where you are going? => where are you going?", "Where are you going?",
            "Where you are going is up to you."),
    PATTERN("where-do-you", CATEGORY_GRAMMAR, 0.85, QUESTION, "^",
            "where|what|why you|they|we|i :base", "= do_= =", "?", NULL,
            "where you live? => where do you live?", "Where do you live?"),
    PATTERN("where-does-he", CATEGORY_GRAMMAR, 0.85, QUESTION, "^",
            "where|what|why he|she|it :third", "= does_= :base", "?", NULL,
            "where he lives? => where does he live?", "Where does he live?"),
    PATTERN("how-do-you-say", CATEGORY_GRAMMAR, 0.82,
            "A question has a subject: how do you say it?", "^",
            "how to say|spell|pronounce|call this|that|it|the :any in english",
            "= do_you = = = = =", "?", NULL,
            "how to say this word in English? => how do you say this word in English?",
            "How do you say this word in English?", "This is how to say this word in English."),
    PATTERN("my-friend-and-i", CATEGORY_GRAMMAR, 0.85, "Who does it: my friend and I.", "^",
            "my :person and me :base", "= = = I =", NULL, NULL,
            "my sister and me like it => my sister and I like it", "My sister and I like it.",
            "He told my sister and me."),
    PATTERN("my-friend-and-i-no-s", CATEGORY_GRAMMAR, 0.85,
            "Who does it: my friend and I. Two people: no -s.", "^", "my :person and me|i :third",
            "= = = I :base", NULL, NULL, "my sister and me likes it => my sister and I like it",
            "My sister and I like it."),
    PATTERN("when-i-arrive", CATEGORY_TENSE, 0.88,
            "After when, if, before and after the present stands for what will be.", "^",
            "when|if|after|before i|we|they will :base", "= = - =", NULL, NULL,
            "when I will arrive, I will call => when I arrive, I will call",
            "When I arrive, I will call.", "I don't know if I will come."),
    PATTERN("when-he-arrives", CATEGORY_TENSE, 0.88,
            "After when, if, before and after the present stands for what will be.", "^",
            "when|if|after|before he|she|it will :base", "= = - :third", NULL, NULL,
            "when he will arrive, I will call => when he arrives, I will call",
            "When he arrives, I will call."),
};

const struct pattern_list pattern_order = { patterns, LP_COUNT(patterns) };
