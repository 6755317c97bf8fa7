/* test/unit/mongo_wire.h -- a server that speaks MongoDB's wire protocol and answers commands as it
 * is told: for the errors of an election, which a real server does not show on demand. */
#pragma once

#include <arpa/inet.h>
#include <bson/bson.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit/check.h"

#define WIRE_CLIENTS 64
#define OP_REPLY 1
#define OP_MSG 2013

/* The next answers, in order, to a command; every other one gets {"ok":1}. */
static struct {
    pthread_mutex_t lock;
    int listener, port;
    pthread_t acceptor, threads[WIRE_CLIENTS];
    int fds[WIRE_CLIENTS], n;
    const char *command, *answers[8];
    unsigned next, seen; /* seen: so many of `command` and "update" */
    char last[4096];     /* the last such command, as JSON */
    pthread_cond_t changed;
    bool in_set, held; /* says that it is the primary of a replica set; they wait for answers */
} wire = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static inline bson_t *wire_hello(void)
{
    bson_t *hello =
        BCON_NEW("ismaster", BCON_BOOL(true), "helloOk", BCON_BOOL(true), "isWritablePrimary",
                 BCON_BOOL(true), "maxBsonObjectSize", BCON_INT32(16777216), "maxMessageSizeBytes",
                 BCON_INT32(48000000), "maxWriteBatchSize", BCON_INT32(100000), "minWireVersion",
                 BCON_INT32(0), "maxWireVersion", BCON_INT32(13), "ok", BCON_DOUBLE(1));
    pthread_mutex_lock(&wire.lock);
    if (wire.in_set)
        bson_append_utf8(hello, "setName", -1, "rs", -1);
    pthread_mutex_unlock(&wire.lock);
    return hello;
}

/* The answer to a command, by its first key. */
static inline bson_t *wire_answer(const bson_t *command)
{
    const char *answer = "{\"ok\":1}";
    bson_iter_t i;

    if (!bson_iter_init(&i, command) || !bson_iter_next(&i))
        return bson_new();
    const char *name = bson_iter_key(&i);
    if (strcasecmp(name, "ismaster") == 0 || strcmp(name, "hello") == 0)
        return wire_hello();
    pthread_mutex_lock(&wire.lock);
    if (wire.command && strstr(wire.command, name)) {
        char *text = bson_as_relaxed_extended_json(command, NULL);
        snprintf(wire.last, sizeof wire.last, "%s", text);
        bson_free(text);
        wire.seen++;
        pthread_cond_broadcast(&wire.changed);
        while (wire.held)
            pthread_cond_wait(&wire.changed, &wire.lock);
        if (wire.next < LP_COUNT(wire.answers) && wire.answers[wire.next])
            answer = wire.answers[wire.next++];
    }
    pthread_mutex_unlock(&wire.lock);
    return bson_new_from_json((const uint8_t *)answer, -1, NULL);
}

static inline bool wire_send(int fd, int op, int32_t to, const bson_t *answer)
{
    uint32_t extra = op == OP_MSG ? 5 : 20, len = 16 + extra + answer->len;
    unsigned char *m = lp_alloc(len);
    const int32_t head[4] = { (int32_t)len, to + 1, to, op }, one = 1;

    memcpy(m, head, sizeof head);
    if (op == OP_REPLY)
        memcpy(m + 32, &one, sizeof one); /* numberReturned; flags, cursor and start are 0 */
    memcpy(m + 16 + extra, bson_get_data(answer), answer->len);
    bool sent = send(fd, m, len, MSG_NOSIGNAL) == (ssize_t)len;
    free(m);
    return sent;
}

/* Where the command's document begins: after flags, name and two numbers, or flags and kind. */
static inline const uint8_t *wire_document(int op, const uint8_t *body)
{
    return op == OP_MSG ? body + 5 : body + 4 + strlen((const char *)body + 4) + 1 + 8;
}

static inline void *wire_serve(void *user)
{
    int fd = *(const int *)user;
    int32_t head[4], n;
    bool sent = true;

    while (sent && recv(fd, head, sizeof head, MSG_WAITALL) == sizeof head && head[0] > 16) {
        lp_auto_free uint8_t *body = lp_alloc((size_t)head[0] - 15);
        if (recv(fd, body, (size_t)head[0] - 16, MSG_WAITALL) != head[0] - 16)
            break;
        const uint8_t *at = wire_document(head[3], body);
        bson_t command;
        memcpy(&n, at, sizeof n);
        if (!bson_init_static(&command, at, (size_t)n))
            break;
        bson_t *answer = wire_answer(&command);
        sent = wire_send(fd, head[3] == OP_MSG ? OP_MSG : OP_REPLY, head[1], answer);
        bson_destroy(answer);
    }
    return NULL;
}

static inline void *wire_accept(void *user)
{
    (void)user;
    for (int fd; wire.n < WIRE_CLIENTS && (fd = accept(wire.listener, NULL, NULL)) >= 0; wire.n++) {
        wire.fds[wire.n] = fd;
        pthread_create(&wire.threads[wire.n], NULL, wire_serve, &wire.fds[wire.n]);
    }
    return NULL;
}

static inline void wire_start(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;
    wire.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(wire.listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(wire.listener, 64), 0);
    assert_int_equal(getsockname(wire.listener, (struct sockaddr *)&at, &n), 0);
    wire.port = ntohs(at.sin_port);
    pthread_create(&wire.acceptor, NULL, wire_accept, NULL);
}

/* Once its clients have gone. */
static inline void wire_stop(void)
{
    shutdown(wire.listener, SHUT_RDWR);
    pthread_join(wire.acceptor, NULL);
    close(wire.listener);
    for (int i = 0; i < wire.n; i++) {
        shutdown(wire.fds[i], SHUT_RDWR);
        pthread_join(wire.threads[i], NULL);
        close(wire.fds[i]);
    }
}
