/* test/unit/test_json.c -- parsing with limits, paths, comparison, decode tables and YAML. */
#include "unit/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "json/decode.h"
#include "json/json.h"
#include "json/yaml.h"

static json_t *json(const char *text)
{
    struct lp_error err;
    json_t *o = NULL;
    if (lp_json_parse(text, strlen(text), 65536, "test", &o, &err) < 0)
        fail_msg("%s", err.msg);
    return o;
}

static void bad_documents_are_refused_with_their_place(void **state)
{
    static const struct {
        const char *text;
        int code;
    } cases[] = {
        { "{", LP_E_INVALID },
        { "{\"a\":1,\"a\":2}", LP_E_INVALID },
        { "{} trailing", LP_E_INVALID },
        { "\"\xff\"", LP_E_INVALID },
        { "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]", LP_E_TOO_LARGE },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct lp_error err = { 0 };
        json_t *o = NULL;
        assert_int_equal(lp_json_parse(cases[i].text, strlen(cases[i].text), 32, "body", &o, &err),
                         cases[i].code);
        assert_null(o);
        assert_memory_equal(err.msg, "body: ", 6);
    }
}

/* Issue 12, 37: as JavaScript and Kubernetes read it. */
static void an_integer_over_64_bits_is_read_as_a_double_and_the_others_stay_integers(void **state)
{
    static const char text[] =
        "{\"big\":[99999999999999999999,-99999999999999999999],\"small\":{\"n\":7},\"half\":0.5,"
        "\"over\":9007199254740994}";
    json_auto_t *o = NULL;
    (void)state;
    ok(lp_json_parse(text, strlen(text), 1000, "x", &o, &err));
    assert_true(json_real_value(json_array_get(json_object_get(o, "big"), 0)) == 1e20);
    assert_true(json_real_value(json_array_get(json_object_get(o, "big"), 1)) == -1e20);
    assert_int_equal(lp_json_int(0, o, "small", "n", NULL), 7);
    assert_true(json_real_value(json_object_get(o, "half")) == 0.5);
    assert_true(json_is_real(json_object_get(o, "over")));
    struct lp_error err;
    json_t *none = NULL;
    assert_int_equal(lp_json_parse("[1e999]", 7, 100, "x", &none, &err), LP_E_INVALID);
}

static void a_path_through_missing_or_other_types_gives_the_fallback(void **state)
{
    json_auto_t *o = json("{\"a\":{\"b\":\"x\",\"n\":5,\"t\":true}}");
    (void)state;
    assert_string_equal(lp_json_str(o, "a", "b", NULL), "x");
    assert_null(lp_json_str(o, "a", "n", NULL));
    assert_null(lp_json_str(o, "z", "b", NULL));
    assert_int_equal(lp_json_int(-1, o, "a", "n", NULL), 5);
    assert_int_equal(lp_json_int(-1, o, "a", "b", NULL), -1);
    assert_true(lp_json_bool(false, o, "a", "t", NULL));
    assert_null(lp_json_at(NULL, "a", NULL));
}

static void contains_ignores_what_defaulting_added_and_nothing_else(void **state)
{
    static const struct {
        const char *have, *want;
        bool contains;
    } cases[] = {
        { "{\"a\":1,\"b\":2}", "{\"a\":1}", true },
        { "{\"a\":1}", "{\"a\":1,\"b\":2}", false },
        { "{\"a\":{\"x\":1,\"y\":2}}", "{\"a\":{\"y\":2}}", true },
        { "[{\"a\":1,\"b\":2}]", "[{\"a\":1}]", true },
        { "[1,2]", "[1]", false },
        { "[2,1]", "[1,2]", false },
        { "1", "1.0", true },
        { "\"1\"", "1", false },
        { "null", "{}", false },
        { "{\"a\":null}", "{\"a\":null}", true },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        json_auto_t *have = json_loads(cases[i].have, JSON_DECODE_ANY, NULL);
        json_auto_t *want = json_loads(cases[i].want, JSON_DECODE_ANY, NULL);
        assert_int_equal(lp_json_contains(have, want), cases[i].contains);
    }
}

static void equal_documents_are_written_as_equal_bytes(void **state)
{
    json_auto_t *a = json("{\"b\":[1,{\"z\":0,\"a\":null}],\"a\":\"x\"}");
    json_auto_t *b = json("{ \"a\":\"x\", \"b\":[1,{\"a\":null,\"z\":0}] }");
    lp_auto_buf struct lp_buf wa = LP_BUF_INIT(256), wb = LP_BUF_INIT(256);
    (void)state;
    lp_json_write(a, &wa);
    lp_json_write(b, &wb);
    assert_string_equal(wa.ptr, wb.ptr);
    assert_string_equal(wa.ptr, "{\"a\":\"x\",\"b\":[1,{\"a\":null,\"z\":0}]}");
}

struct sample {
    const char *name;
    int64_t replicas;
    bool paused;
    struct {
        int64_t port;
    } expose;
};

static const char *const names[] = { "gateway", "auth", NULL };
static const struct lp_json_field expose_fields[] = {
    { "port", LP_JSON_INT, 0, true, 30000, 32767, NULL, NULL },
    { 0 },
};
static const struct lp_json_field sample_fields[] = {
    { "name", LP_JSON_STRING, offsetof(struct sample, name), true, 0, 0, names, NULL },
    { "replicas", LP_JSON_INT, offsetof(struct sample, replicas), false, 1, 100, NULL, NULL },
    { "paused", LP_JSON_BOOL, offsetof(struct sample, paused), false, 0, 0, NULL, NULL },
    { "expose", LP_JSON_OBJECT, offsetof(struct sample, expose), false, 0, 0, NULL, expose_fields },
    { 0 },
};

static void a_decode_error_names_path_limit_and_value(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "{}", "spec.name: is required" },
        { "{\"name\":\"x\"}", "spec.name: must be one of gateway, auth, is \"x\"" },
        { "{\"name\":5}", "spec.name: must be a string" },
        { "{\"name\":\"auth\",\"replicas\":0}", "spec.replicas: must be 1..100, is 0" },
        { "{\"name\":\"auth\",\"expose\":{\"port\":80}}",
          "spec.expose.port: must be 30000..32767, is 80" },
        { "{\"name\":\"auth\",\"replica\":1}", "spec.replica: unknown field" },
        { "[]", "spec: must be an object" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        json_auto_t *o = json(cases[i].text);
        struct sample s = { 0 };
        struct lp_error err;
        assert_int_equal(lp_json_decode(o, sample_fields, true, "spec", &s, &err), LP_E_INVALID);
        assert_string_equal(err.msg, cases[i].message);
    }
}

static void names_stand_alone_where_the_path_is_empty(void **state)
{
    static const char *const cases[][2] = {
        { "{}", "name: is required" },
        { "{\"name\":\"auth\",\"expose\":{\"port\":80}}",
          "expose.port: must be 30000..32767, is 80" },
        { "{\"name\":\"auth\",\"replica\":1}", "replica: unknown field" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        json_auto_t *o = json(cases[i][0]);
        struct sample s = { 0 };
        struct lp_error err;
        assert_int_equal(lp_json_decode(o, sample_fields, true, "", &s, &err), LP_E_INVALID);
        assert_string_equal(err.msg, cases[i][1]);
    }
}

static void decoding_keeps_defaults_of_absent_members(void **state)
{
    json_auto_t *o =
        json("{\"name\":\"auth\",\"paused\":true,\"replicas\":null,\"expose\":{\"port\":30080}}");
    struct sample s = { .replicas = 7 };
    struct lp_error err;
    (void)state;
    assert_int_equal(lp_json_decode(o, sample_fields, true, "spec", &s, &err), 0);
    assert_string_equal(s.name, "auth");
    assert_int_equal(s.replicas, 7);
    assert_true(s.paused);
    assert_int_equal(s.expose.port, 30080);
}

static int yaml(const char *text, json_t **ret, struct lp_error *err)
{
    return lp_yaml_parse(text, strlen(text), 4096, "file", ret, err);
}

static void yaml_scalars_get_the_types_that_kubernetes_gives_them(void **state)
{
    struct lp_error err;
    json_auto_t *docs = NULL;
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1024);
    (void)state;
    assert_int_equal(
        yaml("a: 1\nb: \"1\"\nc: true\nd: yes\ne: ~\nf: 1.5\ng: [x, {v: 2}]\nh: 128Mi\n"
             "i: 0.0.1\nj: -5\nk: ''\n---\n# nothing\n---\nz: end\n",
             &docs, &err),
        0);
    lp_json_write(docs, &text);
    assert_string_equal(
        text.ptr, "[{\"a\":1,\"b\":\"1\",\"c\":true,\"d\":true,\"e\":null,\"f\":1.5,"
                  "\"g\":[\"x\",{\"v\":2}],\"h\":\"128Mi\",\"i\":\"0.0.1\",\"j\":-5,\"k\":\"\"},"
                  "{\"z\":\"end\"}]");
}

static void yaml_that_could_surprise_is_refused(void **state)
{
    static const char *const bad[] = {
        "b: *x\n",    "a: 1\na: 2\n", "<<: 1\n",  "a: !!binary aGk=\n",
        "a: [1, 2\n", "? [1]\n: 2\n", "\ta: 1\n",
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(bad); i++) {
        struct lp_error err;
        json_t *docs = NULL;
        assert_int_equal(yaml(bad[i], &docs, &err), LP_E_INVALID);
        assert_memory_equal(err.msg, "file: line ", 11);
    }
}

static void what_is_written_as_yaml_reads_the_same(void **state)
{
    static const char text[] =
        "{\"a\":{},\"b\":[],\"c\":[[1,[2,{\"x\":[{\"y\":1,\"z\":{\"k\":null}},\"s\"]}]],{}],"
        "\"d\":\"true\",\"e\":\"No\",\"f\":\"1e3\",\"g\":\"- x: #y\\n z\",\"h\":\"~\",\"i\":true,"
        "\"j\":1.5,\"k\":-7,\"l\":\"\",\"m\":\"\u20ac \\u0007\",\"0x1f\":\"128Mi\",\"n "
        "o\":\"a.b/c\","
        "\"p\":\".inf\",\"q\":\"a "
        "\",\"r\":[\"x\",false,{\"deep\":{\"er\":[1]}}],\"null\":\"0644\"}";
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(4096);
    json_auto_t *before = NULL, *documents = NULL;
    struct lp_error err = { .msg = "" };
    (void)state;
    assert_int_equal(lp_json_parse(text, strlen(text), 4096, "text", &before, &err), 0);
    lp_yaml_write(before, &out);
    if (yaml(out.ptr, &documents, &err) < 0)
        fail_msg("%s in\n%s", err.msg, out.ptr);
    if (!json_equal(json_array_get(documents, 0), before))
        fail_msg("other content:\n%s", out.ptr);
}

static void yaml_looks_as_kubectl_writes_it(void **state)
{
    json_auto_t *o = lp_json_make("{s:s, s:{s:[{s:s, s:i}, s], s:b}}", "kind", "List", "spec",
                                  "items", "name", "a", "count", 1, "yes", "on", 1);
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(4096);
    (void)state;
    lp_yaml_write(o, &out);
    assert_string_equal(out.ptr, "kind: List\nspec:\n  items:\n  - name: a\n    count: 1\n"
                                 "  - \"yes\"\n  \"on\": true\n");
}

static void yaml_nested_past_the_limit_is_refused(void **state)
{
    char deep[3 * LP_LIMIT_JSON_DEPTH];
    struct lp_error err;
    json_t *docs = NULL;
    (void)state;
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    assert_int_equal(yaml(deep, &docs, &err), LP_E_INVALID);
    assert_non_null(strstr(err.msg, "too deep"));
}

static void no_value_keeps_lp_json_make_from_making_a_document(void **state)
{
    char cut[] = "caf\xc3"; /* the start of a letter */
    json_auto_t *o = lp_json_make(
        "{s:s, s:[s, n, o*], s:s%, s:s, s:o, s:o*, s:f, s:s+}", "cut", cut, "list",
        "\xff\xed\xa0\x80", NULL, "part", "x\xf0\x9f\x98\x80y", (size_t)4, "null", NULL, "object",
        NULL, "left out", NULL, "number", strtod("nan", NULL), "joined", "a\x80", "b");
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(4096);
    (void)state;
    lp_json_write_unsorted(o, &out);
    assert_string_equal(out.ptr, "{\"cut\":\"caf?\",\"list\":[\"????\",null],\"part\":\"x???\","
                                 "\"null\":null,\"object\":null,\"number\":null,"
                                 "\"joined\":\"a?b\"}");
}

static void a_real_has_the_digits_that_it_needs(void **state)
{
    json_auto_t *o = lp_json_make("{s:f, s:[f, f]}", "confidence", 0.97, "list", 1.0 / 3, 85.5);
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(4096);
    (void)state;
    lp_json_write(o, &out);
    assert_string_equal(out.ptr, "{\"confidence\":0.97,\"list\":[0.3333333333333333,85.5]}");
}

static void a_text_of_others_is_set_though_it_is_no_utf8(void **state)
{
    json_auto_t *o = json_object();
    (void)state;
    lp_json_set_str(o, "a", "1\xc3");
    lp_json_set_str(o, "b", NULL);
    assert_string_equal(lp_json_str(o, "a", NULL), "1?");
    assert_int_equal(json_object_size(o), 1);
}

static void an_object_of_a_list_is_found_by_a_member_among_what_is_no_object(void **state)
{
    json_auto_t *list = json_loads("[1, null, {\"name\": 2}, {\"name\": \"a\", \"n\": 1},"
                                   " {\"name\": \"a\", \"n\": 2}]",
                                   0, NULL);
    (void)state;
    assert_int_equal(lp_json_int(0, lp_json_find(list, "name", "a"), "n", NULL), 1);
    assert_null(lp_json_find(list, "name", "b"));
    assert_null(lp_json_find(json_array_get(list, 3), "name", "a"));
    assert_null(lp_json_find(NULL, "name", "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_documents_are_refused_with_their_place),
        cmocka_unit_test(an_integer_over_64_bits_is_read_as_a_double_and_the_others_stay_integers),
        cmocka_unit_test(a_path_through_missing_or_other_types_gives_the_fallback),
        cmocka_unit_test(contains_ignores_what_defaulting_added_and_nothing_else),
        cmocka_unit_test(equal_documents_are_written_as_equal_bytes),
        cmocka_unit_test(a_decode_error_names_path_limit_and_value),
        cmocka_unit_test(names_stand_alone_where_the_path_is_empty),
        cmocka_unit_test(decoding_keeps_defaults_of_absent_members),
        cmocka_unit_test(yaml_scalars_get_the_types_that_kubernetes_gives_them),
        cmocka_unit_test(what_is_written_as_yaml_reads_the_same),
        cmocka_unit_test(yaml_looks_as_kubectl_writes_it),
        cmocka_unit_test(yaml_that_could_surprise_is_refused),
        cmocka_unit_test(yaml_nested_past_the_limit_is_refused),
        cmocka_unit_test(no_value_keeps_lp_json_make_from_making_a_document),
        cmocka_unit_test(an_object_of_a_list_is_found_by_a_member_among_what_is_no_object),
        cmocka_unit_test(a_real_has_the_digits_that_it_needs),
        cmocka_unit_test(a_text_of_others_is_set_though_it_is_no_utf8),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
