/* test/unit/test_progress_document.c -- activities as documents, documents as JSON. */
#include "services/progress/document.h"

#include <string.h>

#include "base/alloc.h"
#include "unit/check.h"

#define ID "0123456789abcdef01234567"

static void writes_the_fields_that_the_platform_has_always_had(void **state)
{
    struct activity a = { .user_id = "u",
                          .name = "Reading",
                          .comment = "fine",
                          .has_duration = true,
                          .duration = 10,
                          .has_score = true,
                          .score = 85.5 };
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(1024);
    bson_t d = BSON_INITIALIZER;
    bson_iter_t i;
    bson_oid_t id;
    (void)state;
    bson_oid_init_from_string(&id, ID);
    document_of_activity(&a, &id, 1764579600123, &d);
    assert_true(bson_iter_init_find(&i, &d, "activityDuration") && BSON_ITER_HOLDS_INT32(&i));
    assert_true(bson_iter_init_find(&i, &d, "score") && BSON_ITER_HOLDS_DOUBLE(&i));
    assert_true(bson_iter_init_find(&i, &d, "createdAt") && BSON_ITER_HOLDS_DATE_TIME(&i));
    document_write_json(&d, &b);
    assert_string_equal(b.ptr, "{\"_id\":\"" ID "\",\"userId\":\"u\",\"activityName\":\"Reading\","
                               "\"activityDuration\":10,\"score\":85.5,\"comment\":\"fine\","
                               "\"createdAt\":\"2025-12-01T09:00:00.123Z\","
                               "\"updatedAt\":\"2025-12-01T09:00:00.123Z\",\"__v\":0}");
    bson_destroy(&d);
}

static void leaves_out_what_was_not_sent(void **state)
{
    struct activity a = { .user_id = "u", .name = "n" };
    bson_t d = BSON_INITIALIZER;
    bson_oid_t id;
    (void)state;
    bson_oid_init_from_string(&id, ID);
    document_of_activity(&a, &id, 0, &d);
    assert_false(bson_has_field(&d, "score"));
    assert_false(bson_has_field(&d, "activityDuration"));
    assert_false(bson_has_field(&d, "comment"));
    bson_destroy(&d);
}

static void shows_old_documents_whatever_their_types(void **state)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(1024);
    bson_t *d = BCON_NEW("a", BCON_INT64(5000000000), "b", BCON_DOUBLE(85.0), "c", BCON_DOUBLE(0.1),
                         "d", BCON_BOOL(true), "e", BCON_NULL, "f", "[", BCON_INT32(1), "]", "g",
                         "{", "h", BCON_UTF8("\"\n"), "}", "i", BCON_MINKEY);
    (void)state;
    document_write_json(d, &b);
    assert_string_equal(b.ptr, "{\"a\":5000000000,\"b\":85,\"c\":0.1,\"d\":true,\"e\":null,"
                               "\"f\":[1],\"g\":{\"h\":\"\\\"\\n\"},\"i\":null}");
    bson_destroy(d);
}

static void numbers_are_as_short_as_javascript_writes_them(void **state)
{
    static const struct {
        double v;
        const char *text;
    } cases[] = {
        { 85, "85" },
        { -0.0, "0" },
        { 66.7, "66.7" },
        { 1.0 / 3, "0.3333333333333333" },
        { 1e21, "1e+21" },
        { 1e-7, "1e-7" },
        { 1e300 * 1e300, "null" },
        { 9007199254740993.0, "9007199254740992" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_buf struct lp_buf b = LP_BUF_INIT(1024);
        lp_auto_free char *want = lp_sprintf("{\"v\":%s}", cases[i].text);
        bson_t *d = BCON_NEW("v", BCON_DOUBLE(cases[i].v));
        document_write_json(d, &b);
        assert_string_equal(b.ptr, want);
        bson_destroy(d);
    }
}

/* Every byte, as a JSON parser reads it again; what is no UTF-8 is no text. */
static void texts_of_any_bytes_are_json(void **state)
{
    (void)state;
    for (int c = 1; c < 256; c++) {
        lp_auto_buf struct lp_buf b = LP_BUF_INIT(1024);
        char text[] = { 'a', (char)c, 'b', '\0' };
        bson_t d = BSON_INITIALIZER;
        bson_append_utf8(&d, "t", 1, text, 3);
        document_write_json(&d, &b);
        json_auto_t *o = json_loadb(b.ptr, b.len, JSON_REJECT_DUPLICATES, NULL);
        const json_t *t = json_object_get(o, "t");
        if (c < 0x80)
            assert_string_equal(json_string_value(t), text);
        else
            assert_true(json_is_null(t));
        bson_destroy(&d);
    }
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(64);
    bson_t overlong = BSON_INITIALIZER;
    bson_append_utf8(&overlong, "t", 1, "\xc0\x80", 2);
    document_write_json(&overlong, &b);
    assert_string_equal(b.ptr, "{\"t\":null}");
    bson_destroy(&overlong);
}

static void a_document_of_any_depth_ends(void **state)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(4096);
    bson_t *d = BCON_NEW("x", BCON_INT32(1));
    (void)state;
    for (int n = 0; n < 60; n++) {
        bson_t *outer = BCON_NEW("d", BCON_DOCUMENT(d));
        bson_destroy(d);
        d = outer;
    }
    document_write_json(d, &b);
    json_auto_t *o = json_loadb(b.ptr, b.len, 0, NULL);
    const json_t *at = o;
    int depth = 0;
    for (; json_object_get(at, "d"); depth++)
        at = json_object_get(at, "d");
    assert_int_equal(depth, 33);
    assert_int_equal(json_object_size(at), 0);
    bson_destroy(d);
}

static void gives_the_same_id_for_the_same_delivery_only(void **state)
{
    bson_oid_t a, b, c, d;
    (void)state;
    document_id_of_key("u", "key", &a);
    document_id_of_key("u", "key", &b);
    document_id_of_key("v", "key", &c);
    document_id_of_key("uk", "ey", &d);
    assert_true(bson_oid_equal(&a, &b));
    assert_false(bson_oid_equal(&a, &c));
    assert_false(bson_oid_equal(&a, &d));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_fields_that_the_platform_has_always_had),
        cmocka_unit_test(leaves_out_what_was_not_sent),
        cmocka_unit_test(shows_old_documents_whatever_their_types),
        cmocka_unit_test(numbers_are_as_short_as_javascript_writes_them),
        cmocka_unit_test(texts_of_any_bytes_are_json),
        cmocka_unit_test(a_document_of_any_depth_ends),
        cmocka_unit_test(gives_the_same_id_for_the_same_delivery_only),
    };
    return cmocka_run_group_tests_name("progress_document", tests, NULL, NULL);
}
