/* cli/dashboard/board.h -- what the reader found last, where tabs wait for what is new. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define BOARD_WATCHED 8 /* platforms that are looked at at a time */
#define BOARD_KEY 320   /* bytes of "<namespace>/<name>", UTF-8, with its NUL */
#define BOARD_TEXT ((size_t)8 << 20)

/* One text for all, and one for each platform that a tab looks at. Opaque: hides a lock. */
struct board;

struct board *board_new(void);
void board_free(struct board *b);

/* The reader's side. `key` NULL: the text of all; one that nobody watches is dropped, one that
 * says the same as before is not new, one over BOARD_TEXT is not taken. Copied. */
void board_put(struct board *b, const char *key, const struct lp_buf *text);
/* The keys that are watched, and whether each has no text yet. */
unsigned board_watched(struct board *b, char ret_keys[BOARD_WATCHED][BOARD_KEY],
                       bool ret_new[BOARD_WATCHED]);
/* Waits up to `ms`; ends sooner where somebody begins to watch, or at board_end. */
void board_rest(struct board *b, int64_t ms);
/* Wakes everybody, for ever. Any thread. */
void board_end(struct board *b);

/* A tab's side: what it watches, and what it has seen of it. */
struct board_watch {
    char key[BOARD_KEY]; /* "": of all alone */
    uint64_t seen_all, seen_key;
};

/* False where BOARD_WATCHED others are watched. */
bool board_watch(struct board *b, struct board_watch *w);
void board_unwatch(struct board *b, const struct board_watch *w);

/*
 * Waits up to `ms` for a text that the tab has not seen, and replaces `ret_all` and `ret_key` by
 * what is new; what is not new is left empty. False where nothing came in time. `ended`: the tab's
 * own end (NULL: none), looked at whenever board_wake is called.
 */
bool board_wait(struct board *b, struct board_watch *w, const bool *ended, int64_t ms,
                struct lp_buf *ret_all, struct lp_buf *ret_key);
/* Sets *ended, so that its board_wait returns. Any thread. */
void board_wake(struct board *b, bool *ended);
/* Whether *ended is set, or the board has ended. */
bool board_ended(struct board *b, const bool *ended);
/* Whether a tab is there. */
bool board_has_tabs(struct board *b);
