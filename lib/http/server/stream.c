/*
 * Replies that are written while they are sent.
 *
 * The writer appends to a buffer, the event loop takes from it. An empty buffer suspends the
 * connection until there is more, a full one makes the writer wait until half of it is gone, so a
 * slow client costs a thread but no memory. Two hold the stream: the writer until _end,
 * libmicrohttpd until it is done with the response.
 *
 * Threads: one writer and the event loop; `lock` guards all that changes.
 */
#include "http/server/server_parts.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"

#define HIGH_WATER ((size_t)256 * 1024)
#define LOW_WATER (HIGH_WATER / 2)
#define BLOCK ((size_t)32 * 1024)

struct lp_http_stream {
    pthread_mutex_t lock;
    pthread_cond_t room;
    struct lp_http_server *server; /* alive while the connection is */
    struct MHD_Connection *connection;
    struct lp_buf buffer;
    size_t total;
    bool suspended;  /* the event loop waits for bytes */
    bool ended, cut; /* the writer is done; the connection is to be closed */
    bool gone;       /* libmicrohttpd is done with the response */
    int status;
    void *context;
    struct lp_http_server_options options;
};

static void stream_free(struct lp_http_stream *s)
{
    lp_buf_done(&s->buffer);
    pthread_cond_destroy(&s->room);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* The event loop wants bytes. */
static ssize_t on_read(void *user, uint64_t at, char *to, size_t max)
{
    struct lp_http_stream *s = user;
    ssize_t n;
    (void)at;

    lp_http_stir(s->server);
    pthread_mutex_lock(&s->lock);
    if (s->cut) {
        n = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (s->buffer.len > 0) {
        size_t take = s->buffer.len < max ? s->buffer.len : max;
        memcpy(to, s->buffer.ptr, take);
        lp_buf_consume(&s->buffer, take);
        if (s->buffer.len <= LOW_WATER)
            pthread_cond_signal(&s->room);
        n = (ssize_t)take;
    } else if (s->ended) {
        n = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        MHD_suspend_connection(s->connection);
        s->suspended = true;
        n = 0;
    }
    pthread_mutex_unlock(&s->lock);
    return n;
}

/* libmicrohttpd is done with the response: sent, or the client has gone. */
static void on_gone(void *user)
{
    struct lp_http_stream *s = user;

    pthread_mutex_lock(&s->lock);
    s->gone = true;
    pthread_cond_signal(&s->room);
    bool last = s->ended;
    pthread_mutex_unlock(&s->lock);
    if (last)
        stream_free(s);
}

static void resume_locked(struct lp_http_stream *s)
{
    if (s->suspended)
        lp_http_resume(s->server, s->connection);
    s->suspended = false;
}

struct lp_http_stream *lp_http_reply_stream(struct lp_http_exchange *x, int status,
                                            const char *content_type)
{
    struct lp_http_stream *s = lp_alloc(sizeof *s);

    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->room, NULL);
    s->server = x->server;
    s->connection = x->connection;
    s->buffer = (struct lp_buf)LP_BUF_INIT(SIZE_MAX / 2); /* HIGH_WATER and one write */
    s->status = status;
    s->context = x->context;
    s->options = x->server->options;
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, on_read, s, on_gone);
    if (!response)
        abort(); /* no memory, as in lp_alloc */
    if (content_type)
        lp_http_reply_header(x, "Content-Type", content_type);
    lp_http_exchange_reply(x, status, response, lp_http_resume);
    return s;
}

/* Waits for room while the client is far behind; false where it took too little in that time. The
 * guard ends clients that take too long for all. */
static bool await_room_locked(struct lp_http_stream *s)
{
    struct timespec until = lp_clock_deadline(s->options.stream_stall_ms);
    bool late = false;

    if (s->buffer.len <= HIGH_WATER)
        return true;
    while (s->buffer.len > LOW_WATER && !s->gone && !late)
        late = pthread_cond_clockwait(&s->room, &s->lock, CLOCK_MONOTONIC, &until) != 0;
    return s->buffer.len <= LOW_WATER || s->gone;
}

int lp_http_stream_write(struct lp_http_stream *s, const void *bytes, size_t n,
                         struct lp_error *err)
{
    pthread_mutex_lock(&s->lock);
    bool slow = !await_room_locked(s), gone = s->gone;
    if (!gone && !slow) {
        lp_buf_add(&s->buffer, bytes, n);
        s->total += n;
        resume_locked(s);
    }
    pthread_mutex_unlock(&s->lock);
    if (slow)
        return lp_error_set(err, LP_E_UNAVAILABLE, "the client took under %zu bytes in %lld ms",
                            LOW_WATER, (long long)s->options.stream_stall_ms);
    return gone ? lp_error_set(err, LP_E_UNAVAILABLE, "the client has gone") : 0;
}

void lp_http_stream_end(struct lp_http_stream *s, bool complete)
{
    const struct lp_http_server_options o = s->options;
    void *context = s->context;
    int status = s->status;
    size_t total = s->total;

    pthread_mutex_lock(&s->lock);
    s->ended = true;
    s->cut = !complete;
    resume_locked(s);
    bool last = s->gone;
    pthread_mutex_unlock(&s->lock);
    if (last)
        stream_free(s);
    if (o.answered)
        o.answered(context, status, total, o.user);
}
