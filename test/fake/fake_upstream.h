/* test/fake/fake_upstream.h -- a TCP server on 127.0.0.1 that answers HTTP requests with raw bytes,
 * and breaks when told. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum fake_then {
    FAKE_KEEP,  /* the connection stays open for the next request */
    FAKE_CLOSE, /* closed in order */
    FAKE_RESET, /* closed with a reset */
    FAKE_HANG,  /* stays open, nothing more comes, until the stop */
};

/* What a request whose "METHOD target" contains `match` gets. Strings are borrowed until the stop.
 */
struct fake_script {
    const char *match; /* NULL: any */
    const char *reply; /* raw bytes with status line and head; NULL: nothing */
    size_t filler;     /* so many bytes 'x' after the reply */
    unsigned times;    /* so many times, then the next script that matches; 0: for ever */
    bool answer_first; /* before the request's body is read */
    bool held;         /* waits for fake_upstream_release before it answers */
    bool narrow;       /* takes the body in small pieces, slower than it is sent */
    enum fake_then then;
};
#define FAKE_SCRIPT_END     \
    {                       \
        .times = UINT32_MAX \
    }

struct fake_upstream;
struct fake_upstream *
fake_upstream_start(const struct fake_script *scripts); /* ends with FAKE_SCRIPT_END */
/* The same, but whoever connects is refused until _listen. */
struct fake_upstream *fake_upstream_late(const struct fake_script *scripts);
void fake_upstream_listen(struct fake_upstream *f);
void fake_upstream_stop(struct fake_upstream *f); /* ends every connection */

/* "http://127.0.0.1:port", borrowed. */
const char *fake_upstream_url(const struct fake_upstream *f);

/* One held request, now or to come, may be answered. */
void fake_upstream_release(struct fake_upstream *f);

/* Wait (30 s, then the test fails) until so many requests came; connections ended by the other
 * side; bytes of bodies arrived. */
void fake_upstream_await_requests(struct fake_upstream *f, unsigned n);
void fake_upstream_await_ended(struct fake_upstream *f, unsigned n);
void fake_upstream_await_body(struct fake_upstream *f, uint64_t bytes);

unsigned fake_upstream_connections(struct fake_upstream *f); /* accepted so far */
uint64_t fake_upstream_sent(struct fake_upstream *f); /* filler bytes handed to the kernel so far */
uint64_t fake_upstream_body(struct fake_upstream *f); /* bytes of bodies so far */

/* The heads of all requests so far, each with its empty line, appended to `out`. */
void fake_upstream_heads(struct fake_upstream *f, struct lp_buf *out);
