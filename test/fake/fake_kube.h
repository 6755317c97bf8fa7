/* test/fake/fake_kube.h -- an HTTP server on 127.0.0.1 that answers as a script says: for the
 * faults that a real API server does not show when asked to. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "kube/config.h"

/*
 * A request gets the first answer whose `match` is part of "METHOD target" and that was not given
 * `times` times yet; where there is none it gets 404 with a Status. Strings are borrowed until the
 * stop.
 */
struct fake_answer {
    const char *match; /* NULL: any request */
    int status;        /* 0: the connection is closed without an answer; needs `close` */
    bool close;
    const char *headers; /* lines that end with \r\n; NULL: none */
    const char *body;    /* NULL: "{}" */
    unsigned times;      /* 0: for ever */
    size_t cut;          /* so many bytes of the body are sent, then the connection ends; 0: all */
    size_t
        chunk; /* sent in chunks of so many bytes, each with a send of its own; 0: Content-Length */
    bool stall;  /* after the body nothing more comes, and the connection stays open */
    bool silent; /* no answer at all, and the connection stays open */
    bool echo;   /* the body is the request's */
};
#define FAKE_END     \
    {                \
        .status = -1 \
    }

struct fake_kube;
struct fake_kube *fake_kube_start(const struct fake_answer *answers); /* ends with FAKE_END */
void fake_kube_stop(struct fake_kube *f);

/* "http://127.0.0.1:port", borrowed. */
const char *fake_kube_url(const struct fake_kube *f);

/* A configuration that leads here, with this token where not NULL; the caller's. */
#define FAKE_USER_AGENT "of-the-configuration/1"
struct lp_kube_config *fake_kube_config(const struct fake_kube *f, const char *token);

/* Waits until at least `n` requests came (30 s, then the test fails). */
void fake_kube_await(struct fake_kube *f, unsigned n);
unsigned fake_kube_connections(struct fake_kube *f);

/* Appends all requests so far, each as "METHOD target\n", with the Authorization header and the
 * body after it where there are any: "GET /version Bearer x\n", "PUT /a {}\n". */
void fake_kube_requests(struct fake_kube *f, struct lp_buf *out);

/* Appends the User-Agent of all requests so far, one a line. */
void fake_kube_user_agents(struct fake_kube *f, struct lp_buf *out);
