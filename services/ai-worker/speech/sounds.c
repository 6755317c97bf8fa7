/* services/ai-worker/speech/sounds.c -- see sounds.h. No state. */
#include "services/ai-worker/speech/sounds.h"

#include <string.h>

#include "base/alloc.h"

#define EXAMPLE(letters, word) "\"" letters "\" in \"" word "\""

static const char *const sounds[][2] = {
    { "AA", EXAMPLE("o", "hot") },     { "AE", EXAMPLE("a", "cat") },
    { "AH", EXAMPLE("u", "cup") },     { "AO", EXAMPLE("aw", "saw") },
    { "AW", EXAMPLE("ow", "cow") },    { "AY", EXAMPLE("i", "my") },
    { "B", EXAMPLE("b", "boy") },      { "CH", EXAMPLE("ch", "chair") },
    { "D", EXAMPLE("d", "day") },      { "DH", EXAMPLE("th", "this") },
    { "EH", EXAMPLE("e", "bed") },     { "ER", EXAMPLE("ir", "bird") },
    { "EY", EXAMPLE("ay", "say") },    { "F", EXAMPLE("f", "fish") },
    { "G", EXAMPLE("g", "go") },       { "HH", EXAMPLE("h", "house") },
    { "IH", EXAMPLE("i", "sit") },     { "IY", EXAMPLE("ee", "see") },
    { "JH", EXAMPLE("j", "jam") },     { "K", EXAMPLE("k", "key") },
    { "L", EXAMPLE("l", "leg") },      { "M", EXAMPLE("m", "man") },
    { "N", EXAMPLE("n", "no") },       { "NG", EXAMPLE("ng", "sing") },
    { "OW", EXAMPLE("o", "go") },      { "OY", EXAMPLE("oy", "boy") },
    { "P", EXAMPLE("p", "pen") },      { "R", EXAMPLE("r", "red") },
    { "S", EXAMPLE("s", "sun") },      { "SH", EXAMPLE("sh", "she") },
    { "T", EXAMPLE("t", "ten") },      { "TH", EXAMPLE("th", "think") },
    { "UH", EXAMPLE("oo", "book") },   { "UW", EXAMPLE("oo", "food") },
    { "V", EXAMPLE("v", "very") },     { "W", EXAMPLE("w", "we") },
    { "Y", EXAMPLE("y", "yes") },      { "Z", EXAMPLE("z", "zoo") },
    { "ZH", EXAMPLE("s", "measure") },
};

const char *sounds_example(const char *phone)
{
    for (size_t i = 0; i < LP_COUNT(sounds); i++)
        if (strcmp(sounds[i][0], phone) == 0)
            return sounds[i][1];
    return phone;
}
