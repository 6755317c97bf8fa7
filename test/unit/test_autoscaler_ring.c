/* test/unit/test_autoscaler_ring.c -- the decisions of the last day in a ConfigMap. */
#include "autoscaler/policy/ring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/clock.h"
#include "json/json.h"
#include "unit/check.h"

#define NOON INT64_C(1764590400000) /* 2025-12-01T12:00:00Z */
#define HOUR INT64_C(3600000)

static json_t *decision(int64_t at_ms, const char *service, const char *why)
{
    char time[LP_CLOCK_TEXT];
    lp_clock_format(at_ms, 3, time);
    return lp_json_make("{s:s, s:s, s:s}", "time", time, "service", service, "why", why);
}

static json_t *config_map_of(const void *bytes, size_t n)
{
    lp_auto_buf struct lp_buf base64 = LP_BUF_INIT(1 << 20);
    lp_base64_encode(bytes, n, &base64);
    return lp_json_make("{s:{s:s}}", "binaryData", RING_KEY, base64.ptr);
}

/* As the operator writes it. */
static json_t *packed(struct lp_buf *text)
{
    lp_auto_buf struct lp_buf bytes = LP_BUF_INIT(RING_PACKED);
    ring_pack(text, &bytes);
    assert_false(bytes.overflowed);
    assert_true(bytes.len > 0 && bytes.len <= RING_PACKED);
    return config_map_of(bytes.ptr, bytes.len);
}

static const char *why_at(const json_t *decisions, size_t i)
{
    return lp_json_str(json_array_get(decisions, i), "why", NULL);
}

static void what_was_decided_is_read_again_in_the_order_of_time(void **state)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(RING_TEXT), more = LP_BUF_INIT(RING_TEXT);
    json_auto_t *first = lp_json_make("[o, o]", decision(NOON, "auth", "1 to 2"),
                                      decision(NOON + 1, "gateway", "stays at 1"));
    json_auto_t *second = lp_json_make("[o]", decision(NOON + HOUR, "auth", "2 to \xc3\xa4"));
    json_auto_t *read = NULL;
    (void)state;
    ring_append(&text, first, NOON + 1);
    json_auto_t *before = packed(&text);
    ok(ring_text(before, &more, &err));
    ring_append(&more, second, NOON + HOUR);
    json_auto_t *after = packed(&more);
    ok(ring_read(after, &read, &err));
    json_array_extend(first, second);
    assert_true(json_equal(read, first));

    json_auto_t *nothing = NULL;
    ok(ring_read(NULL, &nothing, &err));
    assert_int_equal(json_array_size(nothing), 0);
}

static void what_is_a_day_old_goes_but_for_the_last_one_of_each_service(void **state)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(RING_TEXT);
    json_auto_t *old = lp_json_make(
        "[o, o, o, o]", decision(NOON, "auth", "gone"), decision(NOON + 1, "essays", "kept 1"),
        decision(NOON + 2, "auth", "gone too"), decision(NOON + 3, "auth", "kept 2"));
    json_auto_t *now = lp_json_make("[o]", decision(NOON + 25 * HOUR, "auth", "new"));
    json_auto_t *read = NULL;
    (void)state;
    ring_append(&text, old, NOON + 3);
    lp_buf_str(&text, "what somebody wrote into it, without an end");
    ring_append(&text, now, NOON + 25 * HOUR);
    json_auto_t *o = packed(&text);
    ok(ring_read(o, &read, &err));
    assert_int_equal(json_array_size(read), 3);
    assert_string_equal(why_at(read, 0), "kept 1");
    assert_string_equal(why_at(read, 1), "kept 2");
    assert_string_equal(why_at(read, 2), "new");
}

/* Nothing that a compressor makes much smaller. */
static void add_noise(struct lp_buf *text, int64_t at_ms, unsigned *seed)
{
    char why[601] = "";
    for (size_t i = 0; i + 1 < sizeof why; i++) {
        *seed = *seed * 1103515245 + 12345;
        why[i] = (char)('0' + (*seed >> 16) % 64);
    }
    for (size_t i = 0; i + 1 < sizeof why; i++)
        if (why[i] == '\\')
            why[i] = '/';
    json_auto_t *list = lp_json_make("[o]", decision(at_ms, "auth", why));
    ring_append(text, list, at_ms);
}

static void a_full_ring_keeps_the_newest_within_its_limits(void **state)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(RING_TEXT);
    json_auto_t *read = NULL;
    unsigned seed = 7;
    (void)state;
    for (int i = 0; i < 2000; i++)
        add_noise(&text, NOON + i, &seed);
    assert_false(text.overflowed);
    assert_true(text.len > RING_TEXT - 2000);
    json_auto_t *last = lp_json_make("[o]", decision(NOON + 2000, "auth", "the last"));
    ring_append(&text, last, NOON + 2000);
    json_auto_t *o = packed(&text);
    ok(ring_read(o, &read, &err));
    size_t n = json_array_size(read);
    assert_true(n > 60 && n < 200);
    assert_string_equal(why_at(read, n - 1), "the last");
    char time[LP_CLOCK_TEXT];
    lp_clock_format(NOON + 2001 - (int64_t)n, 3, time);
    assert_string_equal(lp_json_str(json_array_get(read, 0), "time", NULL), time);
}

static void assert_refused(json_t *config_map, const char *part)
{
    struct lp_error err = { .msg = "" };
    json_t *read = NULL;
    assert_int_equal(ring_read(config_map, &read, &err), LP_E_INVALID);
    json_decref(config_map);
    if (!strstr(err.msg, part))
        fail_msg("%s: lacks %s", err.msg, part);
}

static void what_is_no_ring_is_refused_with_its_key_and_what_is_wrong(void **state)
{
    static const char array[] = "[]\n", cut[] = "{\"time\":\n";
    char bytes[256];
    lp_auto_free char *zeros = lp_alloc(RING_TEXT + 1);
    (void)state;
    assert_refused(lp_json_make("{s:{s:s}}", "binaryData", RING_KEY, "!"),
                   "binaryData[decisions.zst]: must be at most 65536 bytes in base64");
    assert_refused(config_map_of("none", 4), "compressed with zstd: ");
    size_t n = ZSTD_compress(bytes, sizeof bytes, zeros, RING_TEXT + 1, 3);
    assert_false(ZSTD_isError(n));
    assert_refused(config_map_of(bytes, n), "must be at most 1048576 bytes");
    n = ZSTD_compress(bytes, sizeof bytes, array, sizeof array - 1, 3);
    assert_refused(config_map_of(bytes, n), "no JSON object");
    n = ZSTD_compress(bytes, sizeof bytes, cut, sizeof cut - 1, 3);
    assert_refused(config_map_of(bytes, n), "a line of decisions.zst");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_decided_is_read_again_in_the_order_of_time),
        cmocka_unit_test(what_is_a_day_old_goes_but_for_the_last_one_of_each_service),
        cmocka_unit_test(a_full_ring_keeps_the_newest_within_its_limits),
        cmocka_unit_test(what_is_no_ring_is_refused_with_its_key_and_what_is_wrong),
    };
    return cmocka_run_group_tests_name("autoscaler_ring", tests, NULL, NULL);
}
