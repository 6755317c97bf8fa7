/* services/gateway/conn.c -- a socket and its two buffers. One thread. */
#include "services/gateway/conn.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/alloc.h"

#define IN_MAX (2 * WORKER_BLOCK)
#define KEEP_BYTES ((size_t)8 * 1024) /* of an idle connection's buffers */

void conn_open(struct worker *w, int fd, const struct sockaddr_in6 *peer)
{
    struct conn *c = lp_alloc(sizeof *c);
    struct epoll_event e = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
        .data.ptr = c,
    };
    int one = 1;

    *c = (struct conn){
        .worker = w,
        .fd = fd,
        .in = LP_BUF_INIT(IN_MAX),
        .out = STREAM_INIT,
        .head_until = w->now + w->shared->config->head_timeout_ms,
    };
    peer_from_socket(peer, &c->peer);
    w->by_address[worker_place(w, &c->peer)]++;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->next = w->conns;
    if (c->next)
        c->next->prev = c;
    w->conns = c;
    w->n_conns++;
    worker_sweep_at(w, c->head_until);
    if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
        conn_close(c);
}

void conn_mark(struct conn *c)
{
    if (c->marked || c->fd < 0)
        return;
    c->marked = true;
    c->todo_next = c->worker->todo;
    c->worker->todo = c;
}

bool conn_flush(struct conn *c)
{
    bool moved = false;

    while (c->can_write && !c->broken && stream_length(&c->out) > 0) {
        ssize_t n =
            send(c->fd, c->out.buf.ptr + c->out.start, stream_length(&c->out), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            c->can_write = false;
            c->broken = errno != EAGAIN;
            break;
        }
        stream_skip(&c->out, (size_t)n);
        moved = true;
    }
    if (moved && stream_length(&c->out) == 0 && c->out.buf.cap > KEEP_BYTES)
        stream_done(&c->out);
    return moved;
}

size_t conn_receive(struct conn *c, char *to, size_t room)
{
    ssize_t n = recv(c->fd, to, room, 0);

    if (n > 0) {
        if ((size_t)n < room && !c->gone)
            c->can_read = false; /* drained; what comes later raises a new event */
        return (size_t)n;
    }
    if (n < 0 && errno == EINTR)
        return 0;
    c->can_read = false;
    if (n == 0)
        c->eof = c->gone = true;
    else if (errno != EAGAIN)
        c->broken = c->eof = c->gone = true;
    return 0;
}

void conn_close(struct conn *c)
{
    struct worker *w = c->worker;

    if (c->fd < 0)
        return;
    close(c->fd);
    c->fd = -1;
    if (c->prev)
        c->prev->next = c->next;
    else
        w->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    w->n_conns--;
    conn_account(c, 0);
    w->by_address[worker_place(w, &c->peer)]--;
    lp_buf_done(&c->in);
    stream_done(&c->out);
    c->next = w->dead;
    w->dead = c;
}

void conn_account(struct conn *c, size_t bytes)
{
    c->worker->buffered += bytes - c->buffered;
    c->buffered = bytes;
}

void conn_end(struct conn *c, int64_t linger_ms)
{
    if (c->eof || c->broken || linger_ms == 0) {
        conn_close(c);
        return;
    }
    shutdown(c->fd, SHUT_WR);
    c->head_until = 0;
    c->linger_until = c->worker->now + linger_ms;
    lp_buf_done(&c->in);
    worker_sweep_at(c->worker, c->linger_until);
    conn_mark(c);
}

bool conn_drop(struct conn *c)
{
    bool moved = false;

    for (unsigned i = 0; i < 16 && c->can_read && !c->eof; i++)
        moved |= conn_receive(c, c->worker->block, WORKER_BLOCK) > 0;
    return moved;
}
