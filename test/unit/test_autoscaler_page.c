/* test/unit/test_autoscaler_page.c -- the answer with a pod's metrics, in every framing and however
 * it is cut. */
#include "autoscaler/samples/page.h"

#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "unit/check.h"

/* Feeds `text` in pieces of `size`; the state after the last of them, or the first that is not
 * PAGE_MORE. */
static enum page_state feed(struct page *p, const char *text, size_t size)
{
    enum page_state state = PAGE_MORE;
    size_t n = strlen(text);

    page_reset(p);
    for (size_t at = 0; at < n && state == PAGE_MORE; at += size)
        state = page_take(p, text + at, n - at < size ? n - at : size);
    return state;
}

static void a_page_is_read_in_every_framing_however_it_is_cut(void **state)
{
    static const struct {
        const char *text, *body;
        enum page_state at_end; /* PAGE_MORE: it is whole before */
        bool keep;
    } cases[] = {
        { "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc", PAGE_MORE, true },
        { "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", PAGE_MORE, true },
        { "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc", "abc", PAGE_MORE,
          false },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n",
          "abc", PAGE_MORE, true },
        { "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc",
          PAGE_MORE, true },
        { "HTTP/1.1 200 OK\r\n\r\nabc", "abc", PAGE_WHOLE, false },
        { "HTTP/1.0 200 OK\r\n\r\nabc", "abc", PAGE_WHOLE, false },
    };
    struct page p;
    (void)state;
    page_init(&p);
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        for (size_t size = 1; size < 100; size += 7) {
            enum page_state got = feed(&p, cases[i].text, size);
            if (cases[i].at_end == PAGE_WHOLE && got == PAGE_MORE)
                got = page_end(&p);
            size_t len;
            const char *body = got == PAGE_WHOLE ? page_body(&p, &len) : NULL;
            if (got != PAGE_WHOLE || p.status != 200 || p.keep != cases[i].keep ||
                len != strlen(cases[i].body) || memcmp(body, cases[i].body, len) != 0)
                fail_msg("case %zu in pieces of %zu: state %d, keep %d", i, size, got, p.keep);
        }
    }
    page_done(&p);
}

static void a_malformed_cut_or_endless_answer_is_bad(void **state)
{
    static const char *const cases[] = {
        "HTTP/1.1 200 OK\nContent-Length: 3\n\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "hello\r\n\r\n",
    };
    struct page p;
    (void)state;
    page_init(&p);
    for (size_t i = 0; i < LP_COUNT(cases); i++)
        if (feed(&p, cases[i], 1000) != PAGE_BAD)
            fail_msg("case %zu is taken", i);
    assert_int_equal(feed(&p, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", 1000), PAGE_MORE);
    assert_int_equal(page_end(&p), PAGE_BAD);
    assert_int_equal(feed(&p, "HTTP/1.1 200 OK\r\n\r\n", 1000), PAGE_MORE);
    static char filler[65536];
    enum page_state got = PAGE_MORE;
    memset(filler, 'x', sizeof filler);
    for (size_t n = 0; n <= LP_LIMIT_SCRAPE_BYTES && got == PAGE_MORE; n += sizeof filler)
        got = page_take(&p, filler, sizeof filler);
    assert_int_equal(got, PAGE_BAD);
    page_done(&p);
}

static void what_comes_behind_an_answer_ends_the_connection(void **state)
{
    struct page p;
    (void)state;
    page_init(&p);
    assert_int_equal(feed(&p, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP", 1000),
                     PAGE_WHOLE);
    assert_false(p.keep);
    assert_int_equal(
        feed(&p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP", 1000),
        PAGE_WHOLE);
    assert_false(p.keep);
    page_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_read_in_every_framing_however_it_is_cut),
        cmocka_unit_test(a_malformed_cut_or_endless_answer_is_bad),
        cmocka_unit_test(what_comes_behind_an_answer_ends_the_connection),
    };
    return cmocka_run_group_tests_name("autoscaler_page", tests, NULL, NULL);
}
