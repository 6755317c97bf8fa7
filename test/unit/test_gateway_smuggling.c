/* A table of what two servers may read in two ways: what the gateway answers, and what the upstream
 * saw of it. And what is good, which must pass in step. */
#include "unit/gateway_fixture.h"

static const struct fake_script echo[] = { { .reply = OK }, FAKE_SCRIPT_END };

#define HOST "POST /auth/x HTTP/1.1\r\nHost: g\r\n"
#define CHUNKS "5\r\nhello\r\n0\r\n\r\n"
#define INNER "GET /auth/inner HTTP/1.1\r\nHost: g\r\n\r\n"

static const struct {
    const char *what, *bytes;
    int status;  /* of the first answer */
    size_t seen; /* requests that the upstream saw */
} table[] = {
    { "CL.TE", HOST "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG", 400, 0 },
    { "TE.CL", HOST "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n" INNER, 400, 0 },
    { "TE.TE", HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n" CHUNKS, 400, 0 },
    { "TE twice", HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" CHUNKS,
      400, 0 },
    { "TE list", HOST "Transfer-Encoding: chunked, identity\r\n\r\n" CHUNKS, 400, 0 },
    { "TE space before colon", HOST "Transfer-Encoding : chunked\r\n\r\n" CHUNKS, 400, 0 },
    { "TE tab before colon", HOST "Transfer-Encoding\t: chunked\r\n\r\n" CHUNKS, 400, 0 },
    { "TE with vertical tab",
      HOST "Transfer-Encoding: \x0b"
           "chunked\r\n\r\n" CHUNKS,
      400, 0 },
    { "TE with quotes", HOST "Transfer-Encoding: 'chunked'\r\n\r\n" CHUNKS, 400, 0 },
    { "TE folded", HOST "Transfer-Encoding:\r\n chunked\r\n\r\n" CHUNKS, 400, 0 },
    { "TE behind a bare LF", HOST "X: y\nTransfer-Encoding: chunked\r\n\r\n" CHUNKS, 400, 0 },
    { "TE behind a bare CR", HOST "X: y\rTransfer-Encoding: chunked\r\n\r\n" CHUNKS, 400, 0 },
    { "TE in HTTP/1.0", "POST /auth/x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" CHUNKS, 400,
      0 },
    { "TE with trailing space", HOST "Transfer-Encoding: chunked \r\n\r\n" CHUNKS, 200, 1 },
    { "TE in capitals", HOST "TRANSFER-ENCODING: CHUNKED\r\n\r\n" CHUNKS, 200, 1 },
    { "CL twice", HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400, 0 },
    { "CL list", HOST "Content-Length: 5, 5\r\n\r\nhello", 400, 0 },
    { "CL plus", HOST "Content-Length: +5\r\n\r\nhello", 400, 0 },
    { "CL minus", HOST "Content-Length: -5\r\n\r\nhello", 400, 0 },
    { "CL hex", HOST "Content-Length: 0x5\r\n\r\nhello", 400, 0 },
    { "CL underscore", HOST "Content-Length: 1_0\r\n\r\nhello", 400, 0 },
    { "CL empty", HOST "Content-Length: \r\n\r\nhello", 400, 0 },
    { "CL space before colon", HOST "Content-Length : 5\r\n\r\nhello", 400, 0 },
    { "CL over 64 bits", HOST "Content-Length: 18446744073709551621\r\n\r\nhello", 400, 0 },
    { "CL leading zeros", HOST "Content-Length: 0005\r\n\r\nhello", 200, 1 },
    { "CL folded", HOST "Content-Length:\r\n 5\r\n\r\nhello", 400, 0 },
    { "CL in two values", HOST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 400, 0 },
    { "CL behind a bare LF", HOST "X: y\nContent-Length: 5\r\n\r\nhello", 400, 0 },
    { "CL ended by LF", HOST "Content-Length: 5\n\r\nhello", 400, 0 },
    { "CL with a space within", HOST "Content-Length: 5 5\r\n\r\nhello", 400, 0 },
    { "CL with a fraction", HOST "Content-Length: 5.0\r\n\r\nhello", 400, 0 },
    { "CL with vertical tab",
      HOST "Content-Length: \x0b"
           "5\r\n\r\nhello",
      400, 0 },
    { "TE twice, case differs",
      HOST "Transfer-Encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n" CHUNKS, 400, 0 },
    { "TE unknown", HOST "Transfer-Encoding: xchunked\r\n\r\n" CHUNKS, 400, 0 },
    { "TE coded first", HOST "Transfer-Encoding: gzip, chunked\r\n\r\n" CHUNKS, 400, 0 },
    { "TE with a parameter", HOST "Transfer-Encoding: chunked;a=b\r\n\r\n" CHUNKS, 400, 0 },
    { "TE empty, then CL", HOST "Transfer-Encoding: \r\nContent-Length: 5\r\n\r\nhello", 400, 0 },
    { "a line without a colon", HOST "Content-Length\r\n\r\n", 400, 0 },
    { "a field without a name", HOST ": 5\r\n\r\n", 400, 0 },
    { "request line ended by LF", "GET /auth/x HTTP/1.1\nHost: g\r\n\r\n", 400, 0 },
    { "chunk size with sign", HOST "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
      400, 1 },
    { "chunk size missing", HOST "Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n", 400,
      1 },
    { "last chunk ended by LF", HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\n\r\n", 400,
      1 },
    { "fold before the first field", "GET /auth/x HTTP/1.1\r\n Host: g\r\n\r\n", 400, 0 },
    { "two hosts", HOST "Host: h\r\n\r\n", 400, 0 },
    { "host with a path", "GET /auth/x HTTP/1.1\r\nHost: g/auth\r\n\r\n", 400, 0 },
    { "NUL in a value", NULL, 400, 0 },
    { "chunk size with space", HOST "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
      400, 1 },
    { "chunk size with 0x", HOST "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", 400,
      1 },
    { "chunk size over 64 bits",
      HOST "Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n", 400, 1 },
    { "chunk ended by LF", HOST "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", 400, 1 },
    { "chunk extension with LF",
      HOST "Transfer-Encoding: chunked\r\n\r\n5;a\nX\r\nhello\r\n0\r\n\r\n", 400, 1 },
    { "chunk without its CRLF", HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n", 400,
      1 },
    { "chunk extension", HOST "Transfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0\r\n\r\n",
      200, 1 },
    { "trailer",
      HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n", 200,
      1 },
    { "GET with a body", "GET /auth/x HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\n\r\nhello", 200,
      1 },
    { "HEAD with a body", "HEAD /auth/x HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\n\r\nhello", 400,
      0 },
    { "h2c upgrade",
      "GET /auth/x HTTP/1.1\r\nHost: g\r\nConnection: Upgrade, HTTP2-Settings\r\n"
      "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
      200, 1 },
    { "HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, 0 },
    { "CONNECT", "CONNECT g:80 HTTP/1.1\r\nHost: g\r\n\r\n", 400, 0 },
    { "two Authorization", HOST "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", 400,
      0 },
};

static size_t count_requests(const char *heads)
{
    size_t n = 0;

    for (const char *at = strstr(heads, " HTTP/1.1\r\n"); at; at = strstr(at + 1, " HTTP/1.1\r\n"))
        n++;
    return n;
}

/* Half-closed, as nothing more comes; a request that waits for bytes that never come would hang. */
static void one_case(size_t i)
{
    static const char nul[] = HOST "X: a\0b\r\n\r\n";
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(65536);
    struct fixture f;

    fixture_up(&f, echo, NULL);
    int fd = raw_connect(f.port, 0);
    if (table[i].bytes)
        raw_send(fd, table[i].bytes, strlen(table[i].bytes));
    else
        raw_send(fd, nul, sizeof nul - 1);
    bool to_head = table[i].bytes && strncmp(table[i].bytes, "HEAD", 4) == 0;
    assert_true(raw_read_response(fd, to_head, &out));
    if (raw_status(&out) != table[i].status)
        fail_msg("%s: %.40s", table[i].what, out.ptr);
    size_t seen = count_requests(fixture_heads(&f));
    print_message("%-28s %d, the upstream saw %zu\n", table[i].what, raw_status(&out), seen);
    if (table[i].status == 200 && seen != table[i].seen)
        fail_msg("%s: the upstream saw %zu requests: %s", table[i].what, seen, f.heads.ptr);
    if (table[i].status != 200 && (seen > table[i].seen || strstr(f.heads.ptr, "inner")))
        fail_msg("%s: the upstream saw %s", table[i].what, f.heads.ptr);
    assert_null(strcasestr(f.heads.ptr, "h2c"));
    assert_non_null(strstr(out.ptr, "\r\nX-Request-Id: "));
    if (table[i].status >= 400 && table[i].seen == 0 && table[i].bytes &&
        !strstr(table[i].bytes, "Authorization") && !strstr(table[i].bytes, "HEAD"))
        assert_non_null(strstr(out.ptr, "\r\nConnection: close\r\n"));
    close(fd);
    fixture_down(&f);
}

static void refuses_each_and_shows_the_upstream_one_request_at_most(void **state)
{
    (void)state;
    for (size_t i = 0; i < LP_COUNT(table); i++)
        one_case(i);
}

static void keeps_a_client_from_taking_our_headers_away(void **state)
{
    static const char request[] =
        "GET /ai/x HTTP/1.1\r\nHost: g.example\r\n" GATEWAY_BEARER
        "Connection: X-Forwarded-Proto, X-Forwarded-For, X-Request-Id\r\n"
        "Connection: X-Second\r\nX-Second: 1\r\nX-Forwarded-Proto: gopher\r\n"
        "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Host: evil\r\nX-Real-IP: 1.2.3.4\r\n\r\n";
    static const char *const there[] = { "\r\nX-Forwarded-Proto: http\r\n",
                                         "\r\nX-Forwarded-For: 127.0.0.1\r\n",
                                         "\r\nX-Forwarded-Host: g.example\r\n",
                                         "\r\nX-Request-Id: " };
    static const char *const gone[] = { "X-Second", "gopher", "1.2.3.4", "evil" };
    struct fixture f;
    (void)state;

    fixture_up(&f, echo, NULL);
    assert_int_equal(fixture_ask(&f, request), 200);
    for (size_t i = 0; i < LP_COUNT(there); i++)
        assert_non_null(strstr(fixture_heads(&f), there[i]));
    for (size_t i = 0; i < LP_COUNT(gone); i++)
        assert_null(strstr(fixture_heads(&f), gone[i]));
    fixture_down(&f);
}

static void believe_loopback(struct gateway_config *c)
{
    c->trusted_proxies = "10.0.0.0/8, 127.0.0.0/8, ::1";
}

static void believes_trusted_proxies_about_the_client(void **state)
{
    static const struct {
        const char *sent, *want;
    } cases[] = {
        { "X-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9" },
        { "X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.1.2.3\r\n", "203.0.113.9" },
        { "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 203.0.113.9, 10.1.2.3\r\n", "203.0.113.9" },
        { "X-Forwarded-For: 10.9.9.9, 10.1.2.3\r\n", "10.9.9.9" },
        { "X-Forwarded-For: junk, 10.1.2.3\r\n", "10.1.2.3" },
        { "X-Forwarded-For: 203.0.113.9:4711\r\n", "203.0.113.9" },
        { "X-Forwarded-For: [2001:db8::1]:443\r\n", "2001:db8::1" },
        { "", "127.0.0.1" },
    };
    struct fixture f;
    (void)state;

    fixture_up(&f, echo, believe_loopback);
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_free char *request =
            lp_sprintf("GET /ai/%zu HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER
                       "X-Forwarded-Proto: https\r\nX-Forwarded-Host: school.example\r\n%s\r\n",
                       i, cases[i].sent);
        lp_auto_free char *want = lp_sprintf("\r\nX-Forwarded-For: %s\r\n", cases[i].want);
        lp_auto_free char *line = lp_sprintf("GET /%zu ", i);
        assert_int_equal(fixture_ask(&f, request), 200);
        const char *head = strstr(fixture_heads(&f), line);
        assert_non_null(head);
        if (!strstr(head, want))
            fail_msg("%s: %s", cases[i].sent, head);
        assert_non_null(strstr(head, "\r\nX-Forwarded-Proto: https\r\n"));
        assert_non_null(strstr(head, "\r\nX-Forwarded-Host: school.example\r\n"));
    }
    fixture_down(&f);
}

static void makes_a_trace_where_none_or_a_bad_one_came(void **state)
{
    static const char good[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    static const char *const sent[] = {
        "", "traceparent: 00-xyz\r\n",
        ("traceparent: "
         "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n")
    };
    struct fixture f;
    (void)state;

    fixture_up(&f, echo, NULL);
    for (size_t i = 0; i < LP_COUNT(sent); i++) {
        lp_auto_free char *request =
            lp_sprintf("GET /ai/%zu HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER "%s\r\n", i, sent[i]);
        lp_auto_free char *line = lp_sprintf("GET /%zu ", i);
        assert_int_equal(fixture_ask(&f, request), 200);
        const char *trace = strcasestr(strstr(fixture_heads(&f), line), "\r\ntraceparent: 00-");
        assert_non_null(trace);
        assert_memory_equal(trace + 15 + sizeof good - 1, "\r\n", 2);
        assert_null(strcasestr(trace + 2, "\r\ntraceparent"));
        assert_int_equal(strncmp(trace + 15, good, sizeof good - 1) == 0, i == 2);
    }
    fixture_down(&f);
}

static void takes_the_authority_of_an_absolute_target_over_host(void **state)
{
    struct fixture f;
    (void)state;

    fixture_up(&f, echo, NULL);
    assert_int_equal(
        fixture_ask(&f, "GET http://real.example/ai/x?q HTTP/1.1\r\nHost: other\r\n" GATEWAY_BEARER
                        "\r\n"),
        200);
    assert_non_null(strstr(fixture_heads(&f), "GET /x?q HTTP/1.1\r\n"));
    assert_non_null(strstr(f.heads.ptr, "\r\nX-Forwarded-Host: real.example\r\n"));
    fixture_down(&f);
}

static void answers_in_json_whatever_the_size_of_the_head(void **state)
{
    static const struct {
        size_t target, value;
        int status;
    } cases[] = { { 8300, 0, 414 },  { 20000, 0, 414 }, { 200000, 0, 414 }, { 2000000, 0, 414 },
                  { 0, 16400, 431 }, { 0, 70000, 431 }, { 0, 200000, 431 }, { 0, 2000000, 431 } };
    struct fixture f;
    (void)state;

    fixture_up(&f, echo, NULL);
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_buf struct lp_buf request = LP_BUF_INIT(3000000);
        lp_buf_str(&request, "GET /auth/");
        for (size_t n = 0; n < cases[i].target; n++)
            lp_buf_char(&request, 'p');
        lp_buf_str(&request, " HTTP/1.1\r\nHost: g\r\nX: ");
        for (size_t n = 0; n < cases[i].value; n++)
            lp_buf_char(&request, 'v');
        lp_buf_str(&request, "\r\n\r\n");
        int fd = raw_connect(f.port, 0);
        raw_send(fd, request.ptr, request.len);
        lp_buf_reset(&f.out);
        assert_true(raw_read_response(fd, false, &f.out));
        assert_int_equal(raw_status(&f.out), cases[i].status);
        json_auto_t *body = json_loads(raw_body(&f.out), 0, NULL);
        assert_non_null(lp_json_str(body, "message", NULL));
        close(fd);
    }
    fixture_down(&f);
}

/* Every answer ends where the next begins, whatever its method, status and coding. */
static void stays_in_step_on_one_connection(void **state)
{
    static const struct fake_script scripts[] = {
        { .match = "HEAD /chunked ",
          .reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" },
        { .match = "HEAD /length ", .reply = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n" },
        { .match = " /204 ", .reply = "HTTP/1.1 204 No Content\r\n\r\n" },
        { .match = " /304 ",
          .reply = "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: x\r\n\r\n" },
        { .match = " /1xx ",
          .reply =
              "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" OK },
        { .match = " /206 ",
          .reply = "HTTP/1.1 206 Partial Content\r\nContent-Length: 2\r\nContent-Range: bytes "
                   "0-1/9\r\n\r\nok" },
        { .match = " /chunked ",
          .reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nok\r\n0\r\nT: "
                   "y\r\n\r\n" },
        { .match = " /toend ", .reply = "HTTP/1.1 200 OK\r\n\r\nok", .then = FAKE_CLOSE },
        { .reply = OK },
        FAKE_SCRIPT_END,
    };
    static const struct {
        const char *method, *target;
        int status;
        const char *absent, *present;
    } cases[] = {
        { "HEAD", "/ai/chunked", 200, "Content-Length", NULL },
        { "GET", "/ai/x", 200, NULL, "Content-Length: 2" },
        { "HEAD", "/ai/length", 200, NULL, "Content-Length: 7" },
        { "GET", "/ai/204", 204, "Content-Length", NULL },
        { "GET", "/ai/304", 304, "Content-Length", "ETag: x" },
        { "GET", "/ai/1xx", 200, "103", NULL },
        { "GET", "/ai/206", 206, NULL, "Content-Range: bytes 0-1/9" },
        { "GET", "/ai/chunked", 200, "Content-Length", "Transfer-Encoding: chunked" },
        { "GET", "/ai/toend", 200, "Content-Length", "Transfer-Encoding: chunked" },
        { "OPTIONS", "/ai/x", 204, NULL, "Content-Length: 0" },
        { "HEAD", "/health", 200, NULL, "Content-Type: application/json" },
        { "HEAD", "/healthy", 404, NULL, NULL },
        { "GET", "/ai/last", 200, NULL, NULL },
    };
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, NULL);
    int fd = raw_connect(f.port, 0);
    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; i < LP_COUNT(cases); i++) {
            lp_auto_free char *request = lp_sprintf("%s %s HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER
                                                    "X-Request-Id: r%u-%zu\r\n\r\n",
                                                    cases[i].method, cases[i].target, round, i);
            lp_auto_free char *id = lp_sprintf("\r\nX-Request-Id: r%u-%zu\r\n", round, i);
            bool bodiless = strcmp(cases[i].method, "HEAD") == 0 || cases[i].status == 204 ||
                            cases[i].status == 304;
            raw_send(fd, request, strlen(request));
            lp_buf_reset(&f.out);
            if (!raw_read_response(fd, bodiless, &f.out) || raw_status(&f.out) != cases[i].status)
                fail_msg("%s %s: %s", cases[i].method, cases[i].target, f.out.ptr);
            assert_non_null(strstr(f.out.ptr, id));
            if (cases[i].absent && strstr(f.out.ptr, cases[i].absent))
                fail_msg("%s %s has %s", cases[i].method, cases[i].target, cases[i].absent);
            if (cases[i].present && !strstr(f.out.ptr, cases[i].present))
                fail_msg("%s %s: %s", cases[i].method, cases[i].target, f.out.ptr);
        }
    }
    close(fd);
    fixture_down(&f);
}

static void answers_requests_that_came_in_one_piece_in_their_order(void **state)
{
    static const struct fake_script scripts[] = {
        { .match = "/a ", .reply = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na" },
        { .match = "/b ", .reply = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb" },
        FAKE_SCRIPT_END,
    };
    static const char requests[] =
        GET("/ai/a") "POST /ai/b HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER
                     "Content-Length: 3\r\n\r\nabc" GET(
                         "/unknown") "GET /ai/a HTTP/1.1\r\nHost: g\r\nConnection: "
                                     "close\r\n" GATEWAY_BEARER "\r\n";
    static const char *const order[] = { "\r\n\r\na", "\r\n\r\nb", "resource not found",
                                         "\r\n\r\na" };
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, NULL);
    int fd = raw_connect(f.port, 0);
    raw_send(fd, requests, strlen(requests));
    assert_true(raw_read_all(fd, &f.out));
    const char *at = f.out.ptr;
    for (size_t i = 0; i < LP_COUNT(order); i++) {
        at = strstr(at, order[i]);
        assert_non_null(at);
        at += strlen(order[i]);
    }
    assert_string_equal(at, "");
    close(fd);
    fixture_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_each_and_shows_the_upstream_one_request_at_most),
        cmocka_unit_test(keeps_a_client_from_taking_our_headers_away),
        cmocka_unit_test(believes_trusted_proxies_about_the_client),
        cmocka_unit_test(makes_a_trace_where_none_or_a_bad_one_came),
        cmocka_unit_test(takes_the_authority_of_an_absolute_target_over_host),
        cmocka_unit_test(answers_in_json_whatever_the_size_of_the_head),
        cmocka_unit_test(stays_in_step_on_one_connection),
        cmocka_unit_test(answers_requests_that_came_in_one_piece_in_their_order),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("gateway_smuggling", tests, NULL, NULL);
}
