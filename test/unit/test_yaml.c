/* test/unit/test_yaml.c -- YAML means what it means to kubectl. */
#include "json/yaml.h"

#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "unit/check.h"

static int yaml(const char *text, json_t **ret, struct lp_error *err)
{
    return lp_yaml_parse(text, strlen(text), 1 << 20, "file", ret, err);
}

/* What sigs.k8s.io/yaml v1.4.0, which kubectl uses, makes of it; NULL: it refuses. */
static const struct {
    const char *yaml, *json;
} vectors[] = {
    { "a: yes", "{\"a\":true}" },
    { "a: Yes", "{\"a\":true}" },
    { "a: YES", "{\"a\":true}" },
    { "a: yEs", "{\"a\":\"yEs\"}" },
    { "a: y", "{\"a\":true}" },
    { "a: N", "{\"a\":false}" },
    { "a: off", "{\"a\":false}" },
    { "a: On", "{\"a\":true}" },
    { "a: True", "{\"a\":true}" },
    { "a: FALSE", "{\"a\":false}" },
    { "a: null", "{\"a\":null}" },
    { "a: Null", "{\"a\":null}" },
    { "a: ~", "{\"a\":null}" },
    { "a:", "{\"a\":null}" },
    { "a: 010", "{\"a\":8}" },
    { "a: 0o10", "{\"a\":8}" },
    { "a: 0x1F", "{\"a\":31}" },
    { "a: 0b101", "{\"a\":5}" },
    { "a: -0x10", "{\"a\":-16}" },
    { "a: 1_000", "{\"a\":1000}" },
    { "a: 09", "{\"a\":9}" },
    { "a: 1.", "{\"a\":1}" },
    { "a: .5", "{\"a\":0.5}" },
    { "a: +.5e3", "{\"a\":500}" },
    { "a: 1e3", "{\"a\":1000}" },
    { "a: 1_0.5", "{\"a\":10.5}" },
    { "a: 0.0.1", "{\"a\":\"0.0.1\"}" },
    { "a: -5", "{\"a\":-5}" },
    { "a: +7", "{\"a\":7}" },
    { "a: 12:30:45", "{\"a\":\"12:30:45\"}" },
    { "a: 2026-11-29", "{\"a\":\"2026-11-29\"}" },
    { "a: !!str 5", "{\"a\":\"5\"}" },
    { "a: ! 5", "{\"a\":\"5\"}" },
    { "a: !!int 5", "{\"a\":5}" },
    { "a: !!float 5", "{\"a\":5}" },
    { "a: !!bool yes", "{\"a\":true}" },
    { "a: &x 1\nb: *x", "{\"a\":1,\"b\":1}" },
    { "a: &x {c: 1}\nb: *x\nd: [*x, *x]",
      "{\"a\":{\"c\":1},\"b\":{\"c\":1},\"d\":[{\"c\":1},{\"c\":1}]}" },
    { "base: &b {x: 1, y: 2}\na: {<<: *b, y: 3}",
      "{\"a\":{\"true\":3,\"x\":1},\"base\":{\"true\":2,\"x\":1}}" },
    { "base: &b {x: 1}\nc: &c {x: 9, z: 4}\na: {<<: [*b, *c], w: 0}",
      "{\"a\":{\"w\":0,\"x\":1,\"z\":4},\"base\":{\"x\":1},\"c\":{\"x\":9,\"z\":4}}" },
    { "base: &b {x: 1}\na:\n  y: 2\n  <<: *b", "{\"a\":{\"true\":2,\"x\":1},\"base\":{\"x\":1}}" },
    { "a: {\"<<\": 1}", "{\"a\":{\"<<\":1}}" },
    { "yes: 1", "{\"true\":1}" },
    { "on: {a: 1}", "{\"true\":{\"a\":1}}" },
    { "1: x", "{\"1\":\"x\"}" },
    { "1.5: x", "{\"1.5\":\"x\"}" },
    { "a: '0123'", "{\"a\":\"0123\"}" },
    { "a: 128Mi", "{\"a\":\"128Mi\"}" },
    { "a: 500m", "{\"a\":\"500m\"}" },
    { "a: 0.5", "{\"a\":0.5}" },
    { "a: 9223372036854775807", "{\"a\":9223372036854775807}" },
    { "a: --5", "{\"a\":\"--5\"}" },
    { "a: 0x", "{\"a\":\"0x\"}" },
    { "a: 5e", "{\"a\":\"5e\"}" },
    { "a: e5", "{\"a\":\"e5\"}" },
    { "a: *x", NULL },
    { "a: .", "{\"a\":\".\"}" },
    { "a: -", NULL },
};

static void every_vector_means_what_it_means_to_kubectl(void **state)
{
    (void)state;
    for (size_t i = 0; i < LP_COUNT(vectors); i++) {
        json_auto_t *got = NULL, *wanted = NULL;
        struct lp_error err;
        int r = yaml(vectors[i].yaml, &got, &err);
        if (!vectors[i].json) {
            assert_int_equal(r, LP_E_INVALID);
            continue;
        }
        assert_int_equal(r, 0);
        wanted = json_loads(vectors[i].json, 0, NULL);
        assert_non_null(wanted);
        if (!lp_json_contains(json_array_get(got, 0), wanted) ||
            !lp_json_contains(wanted, json_array_get(got, 0))) {
            lp_auto_buf struct lp_buf text = LP_BUF_INIT(1024);
            lp_json_write(json_array_get(got, 0), &text);
            fail_msg("%s: wanted %s, got %s", vectors[i].yaml, vectors[i].json, text.ptr);
        }
    }
}

static void aliases_of_aliases_do_not_grow_without_bound(void **state)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(4096);
    json_auto_t *got = NULL;
    struct lp_error err;

    (void)state;
    lp_buf_str(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 9; i++) {
        lp_buf_printf(&text, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            lp_buf_printf(&text, "%s*a%d", k ? ", " : "", i - 1);
        lp_buf_str(&text, "]\n");
    }
    assert_int_equal(yaml(text.ptr, &got, &err), LP_E_INVALID);
    assert_non_null(strstr(err.msg, "at most 100,000"));
}

static void an_anchor_belongs_to_its_document_and_not_to_itself(void **state)
{
    static const char *const bad[] = { "a: &x 1\n---\nb: *x\n", "a: &x [*x]\n", "a: {<<: 1}\n",
                                       "a: {<<: [1]}\n" };

    (void)state;
    for (size_t i = 0; i < LP_COUNT(bad); i++) {
        json_auto_t *got = NULL;
        struct lp_error err;
        assert_int_equal(yaml(bad[i], &got, &err), LP_E_INVALID);
        assert_memory_equal(err.msg, "file: line ", 11);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_means_what_it_means_to_kubectl),
        cmocka_unit_test(aliases_of_aliases_do_not_grow_without_bound),
        cmocka_unit_test(an_anchor_belongs_to_its_document_and_not_to_itself),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("yaml", tests, NULL, NULL);
}
