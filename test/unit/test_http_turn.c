/* test/unit/test_http_turn.c -- a server whose event loop the test turns. */
#include "http/server/turn.h"

#include "unit/http_server_fixture.h"

static int start_turned(void **state)
{
    const struct lp_http_server_options o = { .address = "127.0.0.1",
                                              .name = "test",
                                              .turned = true,
                                              .max_body = MAX_BODY,
                                              .handler = echo };
    struct lp_http_server *s;
    struct lp_error err;

    if (lp_http_server_start(&o, &s, &err) < 0)
        return -1;
    *state = s;
    return 0;
}

/* Sends a request and turns until the handler has it. */
static int begin_request(struct lp_http_server *s, struct lp_http_exchange **ret_x)
{
    static const char request[] = "GET /later HTTP/1.1\r\n" CLOSE "\r\n";
    int fd = dial(s);

    assert_int_equal(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
    while (!seen.later) /* each turn waits for the next step */
        lp_http_server_turn(s);
    *ret_x = seen.later;
    seen.later = NULL;
    return fd;
}

static bool has_bytes(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    return poll(&p, 1, 0) > 0;
}

static void expect_reply(struct lp_http_server *s, int fd)
{
    lp_auto_buf struct lp_buf reply = LP_BUF_INIT(4096);

    while (!has_bytes(fd))
        lp_http_server_turn(s);
    read_reply(fd, "done", &reply);
    assert_non_null(strstr(reply.ptr, "200 OK"));
    assert_non_null(strstr(reply.ptr, "done"));
    close(fd);
}

static void answers_what_it_reads_in_the_same_turn(void **state)
{
    static const char request[] = "GET /status/200 HTTP/1.1\r\n" CLOSE "\r\n";
    lp_auto_buf struct lp_buf reply = LP_BUF_INIT(4096);
    lp_auto_fd int fd = dial(*state);

    assert_int_equal(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
    while (!has_bytes(fd))
        lp_http_server_turn(*state);
    read_reply(fd, "\r\n\r\nok", &reply);
    assert_non_null(strstr(reply.ptr, "\r\n\r\nok"));
}

static void a_held_reply_leaves_with_the_next_turn(void **state)
{
    struct lp_http_exchange *x;
    int fd = begin_request(*state, &x);

    lp_http_server_hold();
    lp_http_reply_text(x, 200, "done");
    assert_false(has_bytes(fd));
    lp_http_server_turn(*state);
    expect_reply(*state, fd);
}

static void a_settled_reply_wakes_who_awaits(void **state)
{
    struct lp_http_exchange *x;
    int fd = begin_request(*state, &x);

    lp_http_server_watch(*state);
    lp_http_server_hold();
    lp_http_reply_text(x, 200, "done");
    lp_http_server_settle();
    lp_http_server_await(*state);
    lp_http_server_turn(*state);
    expect_reply(*state, fd);
}

static void of_two_replies_of_a_thread_one_is_held(void **state)
{
    struct lp_http_exchange *x[2];
    int fd[] = { begin_request(*state, &x[0]), begin_request(*state, &x[1]) };

    lp_http_server_watch(*state);
    lp_http_server_hold();
    lp_http_reply_text(x[0], 200, "done");
    lp_http_reply_text(x[1], 200, "done");
    lp_http_server_await(*state); /* by the second */
    expect_reply(*state, fd[1]);
    expect_reply(*state, fd[0]);
}

/* Each turn sends a piece, and no descriptor tells that there is more. */
static void what_a_turn_leaves_ends_the_wait(void **state)
{
    static char bytes[200 * 1024];
    lp_auto_buf struct lp_buf reply = LP_BUF_INIT(2 * sizeof bytes);
    struct lp_http_exchange *x;
    char piece[65536];
    int fd = begin_request(*state, &x);

    memset(bytes, 'b', sizeof bytes);
    struct lp_http_stream *stream = lp_http_reply_stream(x, 200, "text/plain");
    ok(lp_http_stream_write(stream, bytes, sizeof bytes, &err));
    lp_http_stream_end(stream, true);
    while (!strstr(reply.ptr, "\r\n0\r\n")) {
        lp_http_server_watch(*state);
        lp_http_server_await(*state);
        lp_http_server_turn(*state);
        ssize_t n = recv(fd, piece, sizeof piece, MSG_DONTWAIT);
        lp_buf_add(&reply, piece, n > 0 ? (size_t)n : 0);
    }
    assert_true(reply.len > sizeof bytes);
    close(fd);
}

static void what_comes_while_nobody_turns_ends_the_wait(void **state)
{
    struct lp_http_exchange *x;

    lp_http_server_watch(*state);
    int fd = dial(*state);
    static const char request[] = "GET /later HTTP/1.1\r\n" CLOSE "\r\n";
    assert_int_equal(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
    while (!seen.later) {
        lp_http_server_await(*state);
        lp_http_server_turn(*state);
        lp_http_server_watch(*state);
    }
    x = seen.later;
    seen.later = NULL;
    lp_http_reply_text(x, 200, "done");
    expect_reply(*state, fd);
}

static void a_wake_ends_both_waits(void **state)
{
    lp_http_server_wake(*state);
    lp_http_server_turn(*state);
    lp_http_server_await(*state);
}

static void closes_what_no_turn_has_taken(void **state)
{
    lp_auto_buf struct lp_buf reply = LP_BUF_INIT(4096);
    static const char request[] = "GET / HTTP/1.1\r\n" CLOSE "\r\n";
    lp_auto_fd int fd = dial(*state);

    assert_int_equal(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
    lp_http_server_watch(*state);
    lp_http_server_await(*state); /* the acceptor has passed it on */
    stop(state);
    read_reply(fd, NULL, &reply);
    assert_string_equal(reply.ptr, "");
    assert_int_equal(start_turned(state), 0); /* for the teardown */
}

#define turned(f) cmocka_unit_test_setup_teardown(f, start_turned, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        turned(answers_what_it_reads_in_the_same_turn),
        turned(a_held_reply_leaves_with_the_next_turn),
        turned(a_settled_reply_wakes_who_awaits),
        turned(of_two_replies_of_a_thread_one_is_held),
        turned(what_a_turn_leaves_ends_the_wait),
        turned(what_comes_while_nobody_turns_ends_the_wait),
        turned(a_wake_ends_both_waits),
        turned(closes_what_no_turn_has_taken),
    };
    return cmocka_run_group_tests_name("http_turn", tests, NULL, NULL);
}
