/* services/ai-worker/speech/sounds.h -- the sounds of English, for people. */
#pragma once

/* "\"th\" in \"think\"" for TH; the name itself for what is no phone of the dictionary. */
const char *sounds_example(const char *phone);
