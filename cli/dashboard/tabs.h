/* cli/dashboard/tabs.h -- browser tabs that are told what is new, each by a thread of its own. */
#pragma once

#include "cli/dashboard/board.h"
#include "http/server/server.h"

/* A browser keeps six connections to one server (HTTP/1.1), of all its tabs: one has to be left for
 * pages, the past and questions, which would wait for ever and say nothing. */
#define TABS_MOST 5
#define TABS_ID 32 /* bytes of a tab's name with its NUL */

/* Opaque: hides a lock. */
struct tabs;

struct tabs *tabs_new(struct board *board); /* borrowed */
/* After board_end: waits until the threads of all tabs are over; new ones are refused. */
void tabs_wait(struct tabs *t);
/* After tabs_wait, when nobody calls tabs_answer any more. NULL is fine. */
void tabs_free(struct tabs *t);

/*
 * Answers `x` by server-sent events (HTML, 9.2): "overview" and, where `key` is not "", "platform",
 * each one line of JSON, until the client goes or the board ends; a comment where nothing is new
 * for 5 s. A stream of the same tab from before ends. Where TABS_MOST are there it is 503, so that
 * the page tries again.
 */
void tabs_answer(struct tabs *t, struct lp_http_exchange *x, const char *id, const char *key);
