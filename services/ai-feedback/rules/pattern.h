/* services/ai-feedback/rules/pattern.h -- rules as data: what stands where it should not, and what
 * stands there instead. Their examples are their tests. */
#pragma once

#include "services/ai-feedback/rules/pattern_data.h"
#include "services/ai-feedback/text/sentence.h"

extern const struct pattern_list pattern_verbs, pattern_words, pattern_confusables, pattern_order,
    pattern_subjects, pattern_phrases;

/* "runned", "goed": the past of irregular verbs. Before the speller, which takes them for others.
 */
void rule_regularised(struct sentence *s);

/* What phrases.rules says is right no other rule but the speller changes. */
void rule_keep(struct sentence *s);

/* Those of phrases.rules that are about spelling: before the speller, as they hold words that are
 * none. */
void rule_spelt_phrases(struct sentence *s);

/* Applies every pattern to every place of the sentence where nothing has changed yet, then the
 * other phrases. */
void rule_patterns(struct sentence *s);
