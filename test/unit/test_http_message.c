/* Heads and chunked bodies as RFC 9112 has them, and nothing that two servers read differently. */
#include "http/field.h"
#include "http/message/chunked.h"
#include "http/message/request_head.h"
#include "http/message/response_head.h"

#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "unit/check.h"

/* Gives the bytes one by one: what is refused early must not become good later. */
static int64_t read_request(const char *bytes, size_t n, struct lp_request_head *head,
                            struct lp_refusal *why)
{
    size_t seen = 0;

    for (size_t have = 0; have <= n; have++) {
        int64_t r = lp_request_head_read(bytes, have, &seen, head, why);
        if (r != 0)
            return r;
    }
    return 0;
}

static void reads_a_head_wherever_it_is_cut(void **state)
{
    static const char bytes[] =
        "\r\nPOST /a?b=%20 HTTP/1.1\r\nHost: g.example:80\r\nX-A: \t b c \t\r\n"
        "content-LENGTH: 12\r\nX-Empty:\r\n\r\nbody";
    struct lp_request_head h;
    struct lp_refusal why;
    (void)state;

    assert_int_equal(read_request(bytes, strlen(bytes), &h, &why), strlen(bytes) - 4);
    assert_true(lp_request_head_is(&h, "POST"));
    assert_memory_equal(h.target, "/a?b=%20", h.target_len);
    assert_int_equal(h.authority_len, strlen("g.example:80"));
    assert_int_equal(h.body_length, 12);
    assert_true(h.has_length && h.keep_alive && !h.upgrade && !h.expects_continue);
    assert_int_equal(h.fields.n, 4);
    const struct lp_field *f = lp_fields_find(&h.fields, "x-a");
    assert_non_null(f);
    assert_int_equal(f->value_len, 3);
    assert_memory_equal(f->value, "b c", 3);
    assert_int_equal(lp_fields_find(&h.fields, "X-Empty")->value_len, 0);
}

static void knows_whether_the_connection_goes_on_and_who_is_meant(void **state)
{
    static const struct {
        const char *bytes, *authority, *path;
        bool keep, upgrade;
    } cases[] = {
        { "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "a", "/", true, false },
        { "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", "a", "/", false, false },
        { "GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: close\r\n\r\n", "a", "/",
          false, false },
        { "GET / HTTP/1.0\r\n\r\n", "", "/", false, false },
        { "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "", "/", true, false },
        { "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "a",
          "/", true, true },
        { "GET http://b:81/x?y HTTP/1.1\r\nHost: a\r\n\r\n", "b:81", "/x?y", true, false },
        { "GET HTTPS://b HTTP/1.1\r\nHost: a\r\n\r\n", "b", "", true, false },
        { "GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n", "b", "?q", true, false },
        { "OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n", "", "*", true, false },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct lp_request_head h;
        struct lp_refusal why = { 0, "" };
        int64_t n = read_request(cases[i].bytes, strlen(cases[i].bytes), &h, &why);
        if (n != (int64_t)strlen(cases[i].bytes))
            fail_msg("case %zu: %s", i, why.why);
        assert_int_equal(h.keep_alive, cases[i].keep);
        assert_int_equal(h.upgrade, cases[i].upgrade);
        assert_int_equal(h.authority_len, strlen(cases[i].authority));
        assert_memory_equal(h.authority, cases[i].authority, h.authority_len);
        assert_int_equal(h.path_len, strlen(cases[i].path));
        assert_memory_equal(h.path, cases[i].path, h.path_len);
    }
}

#define P "POST /x HTTP/1.1\r\nHost: g\r\n"
static const struct {
    const char *bytes;
    unsigned status;
} refused[] = {
    { P "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
    { P "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", 400 },
    { P "Content-Length: 3\r\nContent-Length: 3\r\n\r\n", 400 },
    { P "Content-Length: 3, 3\r\n\r\n", 400 },
    { P "Content-Length: +3\r\n\r\n", 400 },
    { P "Content-Length: -0\r\n\r\n", 400 },
    { P "Content-Length: 0x3\r\n\r\n", 400 },
    { P "Content-Length: 3 4\r\n\r\n", 400 },
    { P "Content-Length:\r\n\r\n", 400 },
    { P "Content-Length: 9999999999999999999\r\n\r\n", 400 },
    { P "Content-Length : 3\r\n\r\n", 400 },
    { P "Content-Length\t: 3\r\n\r\n", 400 },
    { P "Transfer-Encoding : chunked\r\n\r\n", 400 },
    { P "Transfer-Encoding\t: chunked\r\n\r\n", 400 },
    { P "Transfer-Encoding: chunked, chunked\r\n\r\n", 400 },
    { P "Transfer-Encoding: gzip, chunked\r\n\r\n", 400 },
    { P "Transfer-Encoding: identity\r\n\r\n", 400 },
    { P "Transfer-Encoding: xchunked\r\n\r\n", 400 },
    { P "Transfer-Encoding: \x0b"
        "chunked\r\n\r\n",
      400 },
    { P "Transfer-Encoding: \"chunked\"\r\n\r\n", 400 },
    { P "Transfer-Encoding:\r\n\r\n", 400 },
    { P "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", 400 },
    { P " Transfer-Encoding: chunked\r\n\r\n", 400 },
    { P "X: y\r\n Transfer-Encoding: chunked\r\n\r\n", 400 },
    { P "Transfer-Encoding:\r\n chunked\r\n\r\n", 400 },
    { P "X: y\nTransfer-Encoding: chunked\r\n\r\n", 400 },
    { P "X: y\rTransfer-Encoding: chunked\r\n\r\n", 400 },
    { P "X: y\r\n\n", 400 },
    { P "X\r\n\r\n", 400 },
    { P ": y\r\n\r\n", 400 },
    { P "X Y: z\r\n\r\n", 400 },
    { P "X: \x01\r\n\r\n", 400 },
    { P "X: \x7f\r\n\r\n", 400 },
    { P "Host: h\r\n\r\n", 400 },
    { P "Expect: 200-ok\r\n\r\n", 417 },
    { "POST /x HTTP/1.1\r\n\r\n", 400 },
    { "POST /x HTTP/1.1\r\nHost: a, b\r\n\r\n", 400 },
    { "POST /x HTTP/1.1\r\nHost: a/b\r\n\r\n", 400 },
    { "POST /x HTTP/1.1\r\nHost: u@a\r\n\r\n", 400 },
    { "POST http://u@a/x HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "POST http:///x HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "POST ftp://a/x HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "POST x HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "POST * HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
    { "POST /x HTTP/1.1\nHost: g\r\n\r\n", 400 },
    { "POST  /x HTTP/1.1\r\nHost: g\r\n\r\n", 400 },
    { "POST /x  HTTP/1.1\r\nHost: g\r\n\r\n", 400 },
    { "POST /x HTTP/1.1 \r\nHost: g\r\n\r\n", 400 },
    { "POST /x y HTTP/1.1\r\nHost: g\r\n\r\n", 400 },
    { "POST\t/x HTTP/1.1\r\nHost: g\r\n\r\n", 400 },
    { "POST /x\t HTTP/1.1\r\nHost: g\r\n\r\n", 400 },
    { "POST /x http/1.1\r\nHost: g\r\n\r\n", 400 },
    { "POST /x\r\n\r\n", 400 },
    { "\r\n\r\nPOST /x HTTP/1.1\r\nHost: g\r\n\r\n", 400 },
    { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505 },
    { "GET / HTTP/1.2\r\nHost: g\r\n\r\n", 505 },
    { "\x16\x03\x01\x02", 400 },
    { "ANAMETHODTHATISLONGERTHANMETHODSARE / HTTP/1.1\r\n", 400 },
};

static void refuses_what_two_servers_may_read_in_two_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < LP_COUNT(refused); i++) {
        struct lp_request_head h;
        struct lp_refusal why = { 0, "" };
        size_t n = strlen(refused[i].bytes);
        if (read_request(refused[i].bytes, n, &h, &why) != -1 || why.status != refused[i].status)
            fail_msg("%s: %u %s", refused[i].bytes, why.status, why.why);
        size_t seen = 0; /* and at once the same */
        assert_int_equal(lp_request_head_read(refused[i].bytes, n, &seen, &h, &why), -1);
        assert_int_equal(why.status, refused[i].status);
    }
}

static void says_whether_no_host_was_sent_or_more_than_one(void **state)
{
    struct lp_request_head h;
    struct lp_refusal none = { 0, "" }, two = { 0, "" };
    static const char without[] = "GET / HTTP/1.1\r\nA: b\r\n\r\n", with[] = P "Host: h\r\n\r\n";
    (void)state;
    assert_int_equal(read_request(without, strlen(without), &h, &none), -1);
    assert_string_equal(none.why, "no Host");
    assert_int_equal(read_request(with, strlen(with), &h, &two), -1);
    assert_string_equal(two.why, "more than one Host");
}

static void refuses_a_nul_anywhere_in_a_head(void **state)
{
    static const char head[] = "POST /x HTTP/1.1\r\nHost: g\r\nX-A: b\r\n\r\n";
    (void)state;
    for (size_t i = 0; i + 4 < strlen(head); i++) {
        lp_auto_free char *bytes = lp_strdup(head);
        struct lp_request_head h;
        struct lp_refusal why = { 0, "" };
        bytes[i] = '\0';
        assert_int_equal(read_request(bytes, strlen(head), &h, &why), -1);
    }
}

static void refuses_what_is_too_large_before_its_end_comes(void **state)
{
    static const struct {
        const char *start;
        size_t filler;
        unsigned status; /* 0: more may come */
    } cases[] = {
        { "GET /", 8000, 0 },
        { "GET /", 8300, 414 },
        { "GET /", 200000, 414 },
        { "GET / HTTP/1.1\r\nHost: g\r\nX: ", 16000, 0 },
        { "GET / HTTP/1.1\r\nHost: g\r\nX: ", 16384, 431 },
        { "GET / HTTP/1.1\r\nHost: g\r\nX", 200000, 431 },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_buf struct lp_buf b = LP_BUF_INIT(300000);
        struct lp_request_head h;
        struct lp_refusal why = { 0, "" };
        size_t seen = 0;
        lp_buf_str(&b, cases[i].start);
        for (size_t n = 0; n < cases[i].filler; n++)
            lp_buf_char(&b, 'a');
        assert_int_equal(lp_request_head_read(b.ptr, b.len, &seen, &h, &why),
                         cases[i].status ? -1 : 0);
        assert_int_equal(why.status, cases[i].status);
    }
}

static void finds_members_of_lists_over_several_lines(void **state)
{
    static const char bytes[] = "GET / HTTP/1.1\r\nHost: g\r\nConnection: a ,\tB,,\r\n"
                                "Connection: X-Forwarded-Proto\r\n\r\n";
    struct lp_request_head h;
    struct lp_refusal why;
    (void)state;

    assert_true(read_request(bytes, strlen(bytes), &h, &why) > 0);
    assert_true(lp_fields_list_has(&h.fields, "connection", "b", 1));
    assert_true(lp_fields_list_has(&h.fields, "connection", "x-forwarded-proto", 17));
    assert_false(lp_fields_list_has(&h.fields, "connection", "x-forwarded", 11));
    assert_false(lp_fields_list_has(&h.fields, "connection", "c", 1));
}

static void knows_how_long_an_answer_is(void **state)
{
    static const struct {
        const char *bytes;
        bool to_head;
        int64_t length, declared;
        bool keep;
    } cases[] = {
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false, 5, 5, true },
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true, 0, 5, true },
        { "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false, 0, 5, true },
        { "HTTP/1.1 204\r\n\r\n", false, 0, -1, true },
        { "HTTP/1.1 100 Continue\r\n\r\n", false, 0, -1, true },
        { "HTTP/1.1 200 \r\nTransfer-Encoding: Chunked\r\n\r\n", false, LP_BODY_CHUNKED, -1, true },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", true, 0, -1, true },
        { "HTTP/1.1 200 OK\r\n\r\n", false, LP_BODY_TO_END, -1, false },
        { "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", false, 1, 1, false },
        { "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n", false, 1, 1, false },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct lp_response_head h;
        struct lp_refusal why;
        size_t seen = 0, n = strlen(cases[i].bytes);
        for (size_t have = 1; have < n; have++)
            assert_int_equal(lp_response_head_read(cases[i].bytes, have, 4096, cases[i].to_head,
                                                   &seen, &h, &why),
                             0);
        assert_int_equal(
            lp_response_head_read(cases[i].bytes, n, 4096, cases[i].to_head, &seen, &h, &why), n);
        assert_int_equal(h.body_length, cases[i].length);
        assert_int_equal(h.declared_length, cases[i].declared);
        assert_int_equal(h.keep_alive, cases[i].keep);
    }
}

static void refuses_answers_that_leave_a_doubt(void **state)
{
    static const char *const cases[] = {
        "SSH-2.0-x\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 99 x\r\n\r\n",
        "HTTP/1.1 2000 x\r\n\r\n",
        "HTTP/1.1  200 x\r\n\r\n",
        "HTTP/1.1 200 OK\nX: y\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        ("HTTP/1.1 200 OK\r\nX: "
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct lp_response_head h;
        struct lp_refusal why = { 0, "" };
        size_t seen = 0;
        assert_int_equal(
            lp_response_head_read(cases[i], strlen(cases[i]), 64, false, &seen, &h, &why), -1);
        assert_int_equal(why.status, 502);
    }
}

/* The body, or "BAD" or "MORE" behind what came of it. */
static void unchunk(const char *bytes, size_t n, size_t step, struct lp_buf *out)
{
    struct lp_chunked c = { .left = 0 };
    size_t at = 0;

    while (at < n) {
        size_t end = at + step < n ? at + step : n;
        while (at < end) {
            const char *piece = NULL;
            size_t used = 0, len = 0;
            enum lp_chunked_result r =
                lp_chunked_read(&c, bytes + at, end - at, &used, &piece, &len);
            at += used;
            if (r == LP_CHUNKED_BYTES)
                lp_buf_add(out, piece, len);
            if (r == LP_CHUNKED_BAD)
                lp_buf_str(out, "BAD");
            if (r == LP_CHUNKED_END)
                lp_buf_printf(out, "|%zu", n - at);
            if (r == LP_CHUNKED_BAD || r == LP_CHUNKED_END)
                return;
        }
    }
    lp_buf_str(out, "MORE");
}

static void reads_chunks_wherever_they_are_cut_and_refuses_the_rest(void **state)
{
    static const struct {
        const char *bytes, *want;
    } cases[] = {
        { "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world|0" },
        { "00005;a=b;c=\"d e\"\r\nhello\r\n0;x\r\n\r\nGET", "hello|3" },
        { "A\r\n0123456789\r\n0\r\nX-T: y\r\nZ:\r\n\r\n", "0123456789|0" },
        { "0\r\n\r\n", "|0" },
        { "5\r\nhel", "helMORE" },
        { "5\r\nhello0\r\n\r\n", "helloBAD" },
        { "5\nhello\r\n0\r\n\r\n", "BAD" },
        { "5\r\nhello\n0\r\n\r\n", "helloBAD" },
        { "5 \r\nhello\r\n0\r\n\r\n", "BAD" },
        { " 5\r\nhello\r\n0\r\n\r\n", "BAD" },
        { "+5\r\nhello\r\n0\r\n\r\n", "BAD" },
        { "-5\r\nhello\r\n0\r\n\r\n", "BAD" },
        { "0x5\r\nhello\r\n0\r\n\r\n", "BAD" },
        { "g\r\n", "BAD" },
        { ";a\r\n", "BAD" },
        { "\r\n", "BAD" },
        { "1000000000000000\r\n", "BAD" },
        { "5;a\nb\r\nhello\r\n0\r\n\r\n", "BAD" },
        { "5;a\rb\r\nhello\r\n0\r\n\r\n", "BAD" },
        { "0\r\nX\r\n\r\n", "BAD" },
        { "0\r\n X: y\r\n\r\n", "BAD" },
        { "0\r\nX: y\r\n z\r\n\r\n", "BAD" },
        { "0\r\nX: y\n\r\n", "BAD" },
        { "0\r\n\n", "BAD" },
        { "0\r\n", "MORE" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        for (size_t step = 1; step <= strlen(cases[i].bytes); step++) {
            lp_auto_buf struct lp_buf out = LP_BUF_INIT(4096);
            unchunk(cases[i].bytes, strlen(cases[i].bytes), step, &out);
            assert_string_equal(out.ptr, cases[i].want);
        }
    }
}

static void bounds_extensions_and_trailers(void **state)
{
    static const struct {
        const char *start, *again, *end, *want;
        size_t times;
    } cases[] = {
        { "5;", "a", "\r\nhello\r\n0\r\n\r\n", "hello|0", 200 },
        { "5;", "a", "\r\nhello\r\n0\r\n\r\n", "BAD", 300 },
        { "0\r\n", "X: y\r\n", "\r\n", "|0", 1000 },
        { "0\r\n", "X: y\r\n", "\r\n", "BAD", 5000 },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_buf struct lp_buf in = LP_BUF_INIT(1 << 20), out = LP_BUF_INIT(4096);
        lp_buf_str(&in, cases[i].start);
        for (size_t n = 0; n < cases[i].times; n++)
            lp_buf_str(&in, cases[i].again);
        lp_buf_str(&in, cases[i].end);
        unchunk(in.ptr, in.len, in.len, &out);
        assert_string_equal(out.ptr, cases[i].want);
    }
    lp_auto_buf struct lp_buf in = LP_BUF_INIT(1 << 20), out = LP_BUF_INIT(1 << 20);
    for (size_t n = 0; n < 200; n++) /* 200 chunks with 100 bytes of extension each */
        lp_buf_printf(&in, "1;%0100d\r\nx\r\n", 0);
    unchunk(in.ptr, in.len, in.len, &out);
    assert_string_equal(out.ptr + out.len - 3, "BAD");
}

static void writes_what_it_reads(void **state)
{
    static const size_t sizes[] = { 1, 9, 10, 15, 16, 255, 4096, 65537 };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(sizes); i++) {
        lp_auto_buf struct lp_buf in = LP_BUF_INIT(1 << 20), out = LP_BUF_INIT(1 << 20);
        char head[LP_CHUNKED_HEAD];
        lp_buf_add(&in, head, lp_chunked_head(head, sizes[i]));
        for (size_t n = 0; n < sizes[i]; n++)
            lp_buf_char(&in, 'z');
        lp_buf_str(&in, "\r\n" LP_CHUNKED_LAST);
        unchunk(in.ptr, in.len, 1000, &out);
        assert_int_equal(out.len, sizes[i] + 2);
    }
}

/* They are looked at in eights, and one by one at the end. */
static void finds_a_control_character_wherever_it_stands(void **state)
{
    char value[20];
    (void)state;

    for (size_t n = 1; n <= sizeof value; n++) {
        for (size_t at = 0; at < n; at++) {
            for (int c = 0; c < 256; c++) {
                memset(value, at % 2 ? '\t' : 0xe9, sizeof value);
                value[at] = (char)c;
                assert_int_equal(lp_http_is_field_value(value, n),
                                 (c >= 0x20 || c == '\t') && c != 0x7f);
            }
        }
    }
    assert_true(lp_http_is_field_value("\n", 0));
}

static void writes_a_field_as_one_line_however_it_came(void **state)
{
    static const char *const lines[] = { "X-A: b c\r\n\r\n", "X-A:b c\r\n\r\n", "X-A:\tb c\r\n\r\n",
                                         "X-A:  b c \t\r\n\r\n" };
    struct lp_fields fields;
    struct lp_refusal why;
    (void)state;

    for (size_t i = 0; i < LP_COUNT(lines); i++) {
        lp_auto_buf struct lp_buf out = LP_BUF_INIT(64);
        assert_true(lp_fields_read(lines[i], strlen(lines[i]), &fields, &why));
        lp_field_write(&fields.list[0], &out);
        assert_string_equal(out.ptr, "X-A: b c\r\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_head_wherever_it_is_cut),
        cmocka_unit_test(knows_whether_the_connection_goes_on_and_who_is_meant),
        cmocka_unit_test(refuses_what_two_servers_may_read_in_two_ways),
        cmocka_unit_test(says_whether_no_host_was_sent_or_more_than_one),
        cmocka_unit_test(refuses_a_nul_anywhere_in_a_head),
        cmocka_unit_test(refuses_what_is_too_large_before_its_end_comes),
        cmocka_unit_test(finds_members_of_lists_over_several_lines),
        cmocka_unit_test(knows_how_long_an_answer_is),
        cmocka_unit_test(refuses_answers_that_leave_a_doubt),
        cmocka_unit_test(reads_chunks_wherever_they_are_cut_and_refuses_the_rest),
        cmocka_unit_test(bounds_extensions_and_trailers),
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(finds_a_control_character_wherever_it_stands),
        cmocka_unit_test(writes_a_field_as_one_line_however_it_came),
    };
    return cmocka_run_group_tests_name("http_message", tests, NULL, NULL);
}
