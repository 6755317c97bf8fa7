/*
 * What lies between GnuTLS and a socket, to make fewer and larger system calls of the same bytes.
 *
 * GnuTLS asks for the five bytes of a record's head and then for the rest: here a request is read
 * ahead in one go. libmicrohttpd has the headers and each 16 kB of a body sent as a record of its
 * own: all but the last record of a reply go out with MSG_MORE, so that the kernel puts them
 * together, and the client is woken once for a small answer and not twice.
 *
 * How many records a reply has is reckoned from its length. Where that was too few, the rest leaves
 * at once, as without us; where it was too many, which a cut connection alone can bring about, the
 * kernel waits 200 ms.
 *
 * Read-ahead hides bytes from epoll. libmicrohttpd asks a TLS session for more until it has none,
 * whatever epoll said, so nothing is left lying here.
 *
 * Threads: the event loop of the connection.
 */
#include "http/server/server_wire.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"

#define READ_AHEAD 2048
#define RECORD_HEAD 5

/* `in` from `at` to `end` is read ahead. `records` of the reply are still to begin, `rest` bytes of
 * the one that began are still to go. */
struct lp_http_wire {
    gnutls_session_t session;
    int fd;
    size_t records, rest;
    unsigned at, end;
    unsigned char in[READ_AHEAD];
};

static ssize_t pull(gnutls_transport_ptr_t user, void *bytes, size_t n)
{
    struct lp_http_wire *w = user;
    if (w->at == w->end) {
        bool large = n >= sizeof w->in;
        ssize_t got = recv(w->fd, large ? bytes : w->in, large ? n : sizeof w->in, 0);
        if (large || got <= 0)
            return got;
        w->at = 0;
        w->end = (unsigned)got;
    }
    size_t have = w->end - w->at;
    n = n < have ? n : have;
    memcpy(bytes, w->in + w->at, n);
    w->at += (unsigned)n;
    return (ssize_t)n;
}

/* Bytes of the record that begins here; 0 where its head is not whole. */
static size_t record_length(const giovec_t *piece)
{
    const unsigned char *head = piece->iov_base;
    return piece->iov_len < RECORD_HEAD ? 0 : RECORD_HEAD + ((size_t)head[3] << 8 | head[4]);
}

static ssize_t push(gnutls_transport_ptr_t user, const giovec_t *pieces, int n)
{
    struct lp_http_wire *w = user;
    struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)pieces,
                              .msg_iovlen = (size_t)n };
    if (w->rest == 0 && w->records > 0 && n > 0) {
        w->records--;
        w->rest = record_length(&pieces[0]);
    }
    ssize_t sent = sendmsg(w->fd, &message, MSG_NOSIGNAL | (w->records > 0 ? MSG_MORE : 0));
    if (sent > 0)
        w->rest -= (size_t)sent < w->rest ? (size_t)sent : w->rest;
    return sent;
}

struct lp_http_wire *lp_http_wire_new(gnutls_session_t session, int fd)
{
    struct lp_http_wire *w = lp_alloc(sizeof *w);
    w->session = session;
    w->fd = fd;
    gnutls_transport_set_ptr(session, w);
    gnutls_transport_set_pull_function(session, pull);
    gnutls_transport_set_vec_push_function(session, push);
    return w;
}

void lp_http_wire_free(struct lp_http_wire *w)
{
    free(w);
}

int lp_http_wire_fd(gnutls_session_t session)
{
    const struct lp_http_wire *w = gnutls_transport_get_ptr(session);
    return w->fd;
}

void lp_http_wire_expect(struct lp_http_wire *w, size_t len)
{
    if (!w)
        return;
    size_t most = gnutls_record_get_max_size(w->session);
    w->records = 1 + (len + most - 1) / most;
}
