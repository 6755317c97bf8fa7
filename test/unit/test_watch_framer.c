/* test/unit/test_watch_framer.c -- the byte stream of a watch, cut anywhere, and lines that are no
 * events. */
#include "kube/watch_framer.h"

#include <string.h>

#include "unit/check.h"

static int note_type(const char *type, json_t *object, void *user, struct lp_error *err)
{
    (void)err;
    lp_buf_printf(user, "%s%zu ", type, json_object_size(object));
    return 0;
}

static int feed_in_two(const char *bytes, size_t cut, struct lp_buf *seen, struct lp_error *err)
{
    lp_auto_watch_framer struct lp_watch_framer f = { .tail = LP_BUF_INIT(64),
                                                      .sink = note_type,
                                                      .user = seen };
    int r = lp_watch_framer_feed(&f, bytes, cut, err);
    return r < 0 ? r : lp_watch_framer_feed(&f, bytes + cut, strlen(bytes + cut), err);
}

static void gives_the_same_events_wherever_the_stream_is_cut(void **state)
{
    static const char three[] = "{\"type\":\"ADDED\",\"object\":{}}\n\r\n"
                                "{\"type\":\"BOOKMARK\",\"object\":{\"a\":1}}\r\n\n"
                                "{\"type\":\"DELETED\",\"object\":{}}\n{\"type\":\"unfinish";
    (void)state;
    for (size_t cut = 0; cut <= strlen(three); cut++) {
        lp_auto_buf struct lp_buf seen = LP_BUF_INIT(64);
        struct lp_error err;
        assert_int_equal(feed_in_two(three, cut, &seen, &err), 0);
        assert_string_equal(seen.ptr, "ADDED0 BOOKMARK1 DELETED0 ");
    }
}

static void tells_a_stale_watch_from_a_broken_one(void **state)
{
    static const struct {
        const char *line;
        int want;
    } cases[] = {
        { "{\"type\":\"ERROR\",\"object\":{\"code\":410}}\n", LP_E_GONE },
        { "{\"type\":\"ERROR\",\"object\":{\"reason\":\"Expired\"}}\n", LP_E_GONE },
        { "{\"type\":\"ERROR\",\"object\":{\"code\":500}}\n", LP_E_UNAVAILABLE },
        { "{\"type\":\"ERROR\",\"object\":{\"code\":400}}\n", LP_E_UNAVAILABLE },
        { "{\"type\":\"ERROR\",\"object\":{\"code\":403}}\n", LP_E_DENIED },
        { "{\"type\":\"ERROR\",\"object\":{}}\n", LP_E_UNAVAILABLE },
        { "{\"type\":\n", LP_E_INVALID },
        { "[]\n", LP_E_INVALID },
        { "{\"type\":\"ADDED\"}\n", LP_E_INVALID },
        { "{\"type\":7,\"object\":{}}\n", LP_E_INVALID },
        { "{\"type\":\"ADDED\",\"type\":\"ADDED\",\"object\":{}}\n", LP_E_INVALID },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        for (size_t cut = 0; cut < 2; cut++) {
            lp_auto_buf struct lp_buf seen = LP_BUF_INIT(64);
            struct lp_error err = { .msg = "" };
            int got = feed_in_two(cases[i].line, cut, &seen, &err);
            if (got != cases[i].want)
                fail_msg("%s: %d: %s", cases[i].line, got, err.msg);
        }
    }
}

static void a_line_that_is_too_long_is_passed_over(void **state)
{
    static const char bytes[] =
        "{\"type\":\"ADDED\",\"object\":{}}\n"
        "{\"type\":\"ADDED\",\"object\":{\"long\":\"0123456789012345678901234"
        "5678901234567890123456789\"}}\n"
        "{\"type\":\"DELETED\",\"object\":{}}\n";
    (void)state;
    for (size_t cut = 0; cut <= strlen(bytes); cut++) {
        lp_auto_buf struct lp_buf seen = LP_BUF_INIT(64);
        lp_auto_watch_framer struct lp_watch_framer f = { .tail = LP_BUF_INIT(64),
                                                          .sink = note_type,
                                                          .user = &seen };
        struct lp_error err;
        assert_int_equal(lp_watch_framer_feed(&f, bytes, cut, &err), 0);
        assert_int_equal(lp_watch_framer_feed(&f, bytes + cut, strlen(bytes + cut), &err), 0);
        assert_string_equal(seen.ptr, "ADDED0 DELETED0 ");
        assert_int_equal(f.skipped, 1);
    }
}

static int refuse(const char *type, json_t *object, void *user, struct lp_error *err)
{
    (void)type;
    (void)object;
    ++*(int *)user;
    return lp_error_set(err, LP_E_CANCELED, "enough");
}

static void what_the_sink_returns_ends_the_feed(void **state)
{
    static const char two[] = "{\"type\":\"A\",\"object\":{}}\n{\"type\":\"B\",\"object\":{}}\n";
    struct lp_error err;
    int calls = 0;
    (void)state;
    lp_auto_watch_framer struct lp_watch_framer f = { .tail = LP_BUF_INIT(64),
                                                      .sink = refuse,
                                                      .user = &calls };
    assert_int_equal(lp_watch_framer_feed(&f, two, strlen(two), &err), LP_E_CANCELED);
    assert_int_equal(calls, 1);
}

static void an_idle_framer_keeps_no_large_buffer(void **state)
{
    static char line[100000];
    lp_auto_buf struct lp_buf seen = LP_BUF_INIT(64);
    struct lp_error err;
    (void)state;
    lp_auto_watch_framer struct lp_watch_framer f = { .tail = LP_BUF_INIT(1 << 20),
                                                      .sink = note_type,
                                                      .user = &seen };
    memset(line, ' ', sizeof line - 1);
    assert_int_equal(lp_watch_framer_feed(&f, line, strlen(line), &err), 0);
    assert_true(f.tail.cap >= sizeof line - 1);
    static const char rest[] = "{\"type\":\"ADDED\",\"object\":{}}\n";
    assert_int_equal(lp_watch_framer_feed(&f, rest, strlen(rest), &err), 0);
    assert_string_equal(seen.ptr, "ADDED0 ");
    assert_int_equal(f.tail.cap, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_same_events_wherever_the_stream_is_cut),
        cmocka_unit_test(tells_a_stale_watch_from_a_broken_one),
        cmocka_unit_test(a_line_that_is_too_long_is_passed_over),
        cmocka_unit_test(what_the_sink_returns_ends_the_feed),
        cmocka_unit_test(an_idle_framer_keeps_no_large_buffer),
    };
    return cmocka_run_group_tests_name("watch_framer", tests, NULL, NULL);
}
