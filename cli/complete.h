/* cli/complete.h -- what may stand at the end of an unfinished command line. */
#pragma once

#include "base/buf.h"
#include "base/stop.h"

/*
 * `words` are those after the program's name, the last one under way, maybe empty; at least one.
 * Appends a line each for what it may become, with a tab and what that is, then ":4", or ":0" where
 * files may stand there (spf13/cobra, ShellCompDirective, as kubectl reads it of
 * kubectl_complete-lp). Names come from the cluster that the words choose, within 3 s; where it
 * does not answer there are none.
 */
void complete_words(int n, char **words, struct lp_stop *stop, struct lp_buf *out);
