/* services/learning/recommend/reason.h -- why an item is offered, in words for a learner. Pure. */
#pragma once

#include "services/learning/recommend/choose.h"

#define REASON_TEXT 240

void reason_write(const struct candidate *item, const struct wish *wish,
                  char ret_text[REASON_TEXT]);
