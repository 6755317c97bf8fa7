/* test/fake/raw_http.h -- an HTTP client that sends exactly the bytes it is given. Each wait ends
 * after 30 s. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* A connection to 127.0.0.1; `receive_buffer` bytes for the kernel, 0: its default. */
int raw_connect(uint16_t port, int receive_buffer);

/* False where the other side does not take them all. */
bool raw_send(int fd, const void *bytes, size_t n);

/* Appends what comes until the connection ends: true where it ends in order, false for a reset. */
bool raw_read_all(int fd, struct lp_buf *out);

/* Appends one response, head and body (Content-Length or chunked, undecoded); false where it is
 * cut. */
bool raw_read_response(int fd, bool head_only, struct lp_buf *out);

/* The status of the response at the start of `b`; 0 where there is none. */
int raw_status(const struct lp_buf *b);

/* The body of the response in `b`, as it came. */
const char *raw_body(const struct lp_buf *b);

/* Sends one request on a connection of its own and reads the answer until the connection ends. */
int raw_request(uint16_t port, const char *request, struct lp_buf *out);
