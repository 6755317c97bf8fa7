/* lib/kube/watch_framer.h -- cuts the byte stream of a watch into events. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

/* Takes one event; `type` and `object` are borrowed. A negative return ends the feed and is its
 * result. */
typedef int lp_watch_sink(const char *type, json_t *object, void *user, struct lp_error *err);

/*
 * The API server sends one JSON document per line, and the network cuts the lines wherever it
 * likes. Between two feeds `tail` holds the start of one unfinished line, never a newline; its
 * limit is the longest line we take. A longer one is passed over, so that one huge object does not
 * end the watch of all others. Belongs to one connection and one thread.
 */
struct lp_watch_framer {
    struct lp_buf tail;
    lp_watch_sink *sink;
    void *user;
    uint64_t lines;   /* delivered */
    uint64_t skipped; /* passed over, the one under way included */
    bool skipping;    /* until the next newline */
};

void lp_watch_framer_done(struct lp_watch_framer *f);
#define lp_auto_watch_framer __attribute__((cleanup(lp_watch_framer_done)))

/*
 * Delivers, in order, every line that these `len` bytes complete; empty lines are skipped. Fails
 * with what an ERROR event's Status stands for (kube/client.h), LP_E_GONE being that our
 * resourceVersion is too old: list again; LP_E_INVALID for a line that is not a watch event: drop
 * the connection; or with what the sink returned. After a failure only _done() may follow.
 */
LP_MUST_USE int lp_watch_framer_feed(struct lp_watch_framer *f, const char *data, size_t len,
                                     struct lp_error *err);
