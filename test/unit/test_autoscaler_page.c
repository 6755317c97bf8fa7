/* test/unit/test_autoscaler_page.c -- the framing of a pod's answer, cut at every byte. */
#include "autoscaler/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "unit/check.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"

static enum page_state read_all(const char *text, size_t n, bool ended, struct page *ret,
                                char *ret_body)
{
    lp_auto_free char *bytes = lp_alloc(n + 1); /* of just that size: what reads on is found out */
    memcpy(bytes, text, n);
    enum page_state state = page_read(bytes, n, ended, ret);
    if (state == PAGE_WHOLE)
        snprintf(ret_body, 64, "%.*s", (int)ret->len, ret->body);
    return state;
}

static void an_answer_is_whole_with_its_last_byte_and_not_before(void **state)
{
    static const struct {
        const char *text, *body;
        int status;
        bool keep;
    } cases[] = {
        { OK_HEAD "Content-Length: 5\r\n\r\nhello", "hello", 200, true },
        { OK_HEAD "content-length:0\r\n\r\n", "", 200, true },
        { OK_HEAD "Content-Length: 5\r\nConnection: close\r\n\r\nhello", "hello", 200, false },
        { "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", "ab", 200, false },
        { "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", "no", 404, true },
        { "HTTP/1.1 204 No Content\r\n\r\n", "", 204, true },
        { "HTTP/1.1 100 Continue\r\n\r\n" OK_HEAD "Content-Length: 1\r\n\r\nx", "x", 200, true },
        { OK_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", "abcde",
          200, true },
        { OK_HEAD "Transfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n",
          "0123456789", 200, true },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        size_t n = strlen(cases[i].text);
        struct page page;
        char body[64];
        for (size_t cut = 0; cut < n; cut++) {
            assert_int_equal(read_all(cases[i].text, cut, false, &page, body), PAGE_MORE);
            assert_int_equal(read_all(cases[i].text, cut, true, &page, body), PAGE_BAD);
        }
        assert_int_equal(read_all(cases[i].text, n, false, &page, body), PAGE_WHOLE);
        assert_string_equal(body, cases[i].body);
        assert_int_equal(page.status, cases[i].status);
        assert_int_equal(page.keep, cases[i].keep);
    }
}

static void without_a_length_it_ends_with_the_connection(void **state)
{
    static const char text[] = OK_HEAD "\r\nhello";
    struct page page;
    char body[64];
    (void)state;
    assert_int_equal(read_all(text, strlen(text), false, &page, body), PAGE_MORE);
    assert_int_equal(read_all(text, strlen(text), true, &page, body), PAGE_WHOLE);
    assert_string_equal(body, "hello");
    assert_false(page.keep);
}

/* Else the next question would get them as its answer. */
static void bytes_after_the_answer_cost_the_connection(void **state)
{
    static const char *const texts[] = {
        OK_HEAD "Content-Length: 5\r\n\r\nhello!",
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n!",
        "HTTP/1.1 204 No Content\r\n\r\n!",
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(texts); i++) {
        struct page page;
        char body[64];
        assert_int_equal(read_all(texts[i], strlen(texts[i]), false, &page, body), PAGE_WHOLE);
        assert_false(page.keep);
    }
}

static void what_is_malformed_is_bad_at_once(void **state)
{
    static const char *const texts[] = {
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        OK_HEAD "no colon\r\n\r\n",
        OK_HEAD "Content-Length: -1\r\n\r\n",
        OK_HEAD "Content-Length:\r\n\r\n",
        OK_HEAD "Content-Length: 99999999999999999999\r\n\r\n",
        OK_HEAD "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        OK_HEAD "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na",
        OK_HEAD "Transfer-Encoding: gzip\r\n\r\n",
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\n\r\n",
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\nfffffffffff\r\n",
        OK_HEAD "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(texts); i++) {
        struct page page;
        char body[64];
        if (read_all(texts[i], strlen(texts[i]), false, &page, body) != PAGE_BAD)
            fail_msg("taken: %s", texts[i]);
    }
}

static void a_head_over_the_limit_is_bad(void **state)
{
    size_t n = (size_t)PAGE_HEAD + 100;
    lp_auto_free char *text = lp_alloc(n + 1);
    struct page page;
    (void)state;
    memset(text, 'x', n);
    memcpy(text, OK_HEAD, strlen(OK_HEAD));
    assert_int_equal(page_read(text, PAGE_HEAD - 1, false, &page), PAGE_MORE);
    assert_int_equal(page_read(text, n, false, &page), PAGE_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_whole_with_its_last_byte_and_not_before),
        cmocka_unit_test(without_a_length_it_ends_with_the_connection),
        cmocka_unit_test(bytes_after_the_answer_cost_the_connection),
        cmocka_unit_test(what_is_malformed_is_bad_at_once),
        cmocka_unit_test(a_head_over_the_limit_is_bad),
    };
    return cmocka_run_group_tests_name("autoscaler_page", tests, NULL, NULL);
}
