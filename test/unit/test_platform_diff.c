/* test/unit/test_platform_diff.c -- paths, sides and limits of a diff; credentials stay out of it.
 */
#include "platform/diff.h"

#include <string.h>

#include "base/limits.h"
#include "json/json.h"
#include "json/yaml.h"
#include "platform/redact.h"
#include "unit/check.h"

static json_t *parse(const char *yaml)
{
    json_auto_t *documents = NULL;
    ok(lp_yaml_parse(yaml, strlen(yaml), LP_LIMIT_CONFIG_BYTES, "test", &documents, &err));
    return json_incref(json_array_get(documents, 0));
}

/* The fields as lines of text. */
static char *text_of(const char *before, const char *after)
{
    json_auto_t *a = parse(before), *b = parse(after);
    struct lp_buf out = LP_BUF_INIT(1 << 20);
    struct diff d diff_auto;
    json_t *field;
    size_t i;
    diff_objects(a, b, &d);
    json_array_foreach(d.fields, i, field)
    {
        diff_field_text(field, &out);
        lp_buf_char(&out, '\n');
    }
    return lp_buf_take(&out);
}

static void paths_name_what_differs(void **state)
{
    static const struct {
        const char *before, *after, *want;
    } cases[] = {
        { "{spec: {replicas: 1}}", "{spec: {replicas: 1}}", "" },
        { "{spec: {replicas: 1}}", "{spec: {replicas: 2}}", "spec.replicas: 1 -> 2\n" },
        { "{spec: {a: {b: x}}}", "{spec: {a: {}, c: true}}",
          "spec.a.b: \"x\" -> (none)\nspec.c: (none) -> true\n" },
        { "{c: [{name: auth, image: 'a:1'}]}", "{c: [{name: auth, image: 'a:2'}]}",
          "c[auth].image: \"a:1\" -> \"a:2\"\n" },
        { "{c: [{name: a}, {name: b}]}", "{c: [{name: b}, {name: a}]}",
          "c: [\"a\",\"b\"] -> [\"b\",\"a\"]\n" },
        { "{c: [{name: a}]}", "{c: [{name: b, v: 1}, {name: a}]}",
          "c[b]: (none) -> {\"name\":\"b\",\"v\":1}\n" },
        { "{m: [{type: x, v: 1}, {type: y, v: 1}]}", "{m: [{type: x, v: 1}, {type: y, v: 2}]}",
          "m[1].v: 1 -> 2\n" },
        { "{m: [1, 2]}", "{m: [1]}", "m[1]: 2 -> (none)\n" },
        { "{metadata: {labels: {a.b/c: x}}}", "{metadata: {labels: {a.b/c: z}}}",
          "metadata.labels[a.b/c]: \"x\" -> \"z\"\n" },
        { "{metadata: {uid: a, resourceVersion: '1', managedFields: [1], annotations: "
          "{learningplatform.io/intent: x}}, status: {a: 1}}",
          "{metadata: {uid: b, resourceVersion: '2', managedFields: [2], annotations: "
          "{learningplatform.io/intent: y}}, status: {a: 2}}",
          "" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_free char *text = text_of(cases[i].before, cases[i].after);
        assert_string_equal(text, cases[i].want);
    }
}

static void credentials_are_not_shown(void **state)
{
    static const struct {
        const char *before, *after, *want;
    } cases[] = {
        { "{env: [{name: DB_PASSWORD, value: one}]}", "{env: [{name: DB_PASSWORD, value: two}]}",
          "env[DB_PASSWORD].value: \"(redacted)\" -> \"(redacted)\"\n" },
        { "{env: []}", "{env: [{name: API_TOKEN, value: one}]}",
          "env[API_TOKEN]: (none) -> \"(redacted)\"\n" },
        { "{}", "{env: [{name: A, value: b}, {name: API_TOKEN, value: one}]}",
          "env: (none) -> [{\"name\":\"A\",\"value\":\"b\"},{\"name\":\"API_TOKEN\",\"value\":"
          "\"(redacted)\"}]\n" },
        { "{c: []}", "{c: [{name: x, env: [{name: API_TOKEN, value: one}]}]}",
          "c[x]: (none) -> {\"env\":[{\"name\":\"API_TOKEN\",\"value\":\"(redacted)\"}],\"name\":"
          "\"x\"}\n" },
        { "{env: [{name: URL, value: 'pg://u:p@h/d'}]}", "{env: [{name: URL, value: 'pg://h/d'}]}",
          "env[URL].value: \"(redacted)\" -> \"pg://h/d\"\n" },
        { "{env: [{name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: a, key: k}}}]}",
          "{env: [{name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: b, key: k}}}]}",
          "env[DB_PASSWORD].valueFrom.secretKeyRef.name: \"a\" -> \"b\"\n" },
        { "{env: [{name: LOG_LEVEL, value: info}]}", "{env: [{name: LOG_LEVEL, value: debug}]}",
          "env[LOG_LEVEL].value: \"info\" -> \"debug\"\n" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_free char *text = text_of(cases[i].before, cases[i].after);
        assert_string_equal(text, cases[i].want);
    }
}

static void many_and_long_differences_are_counted_and_cut(void **state)
{
    json_auto_t *before = json_object(), *after = json_object();
    struct diff d diff_auto;
    char key[16], value[2000];
    (void)state;
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (int i = 0; i < DIFF_MAX_FIELDS + 7; i++) {
        snprintf(key, sizeof key, "k%d", i);
        json_object_set_new(after, key, json_string(value));
    }
    diff_objects(before, after, &d);
    assert_int_equal(json_array_size(d.fields), DIFF_MAX_FIELDS);
    assert_int_equal(d.more, 7);
    assert_int_equal(strlen(lp_json_str(json_array_get(d.fields, 0), "after", NULL)),
                     DIFF_MAX_VALUE + 3);
}

static void names_of_credentials_are_known_by_their_words(void **state)
{
    static const char *const yes[] = { "PASSWORD",     "DB_PASSWORD", "apiKey",      "JWT_SECRET",
                                       "clientSecret", "x-api-token", "TLS_KEY_PEM", "secret" };
    static const char *const no[] = { "MONKEY", "LOG_LEVEL", "KEYBOARD", "tokenizer", "AUTH_URL" };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(yes); i++)
        if (!redact_is_credential_name(yes[i]))
            fail_msg("%s is one", yes[i]);
    for (size_t i = 0; i < LP_COUNT(no); i++)
        if (redact_is_credential_name(no[i]))
            fail_msg("%s is none", no[i]);
}

static void lines_lose_their_credentials_only(void **state)
{
    static const struct {
        const char *line, *want;
    } cases[] = {
        { "{\"level\":\"info\",\"msg\":\"applied\"}", "{\"level\":\"info\",\"msg\":\"applied\"}" },
        { "dial postgresql://lp:abc@host:5432/auth failed", "dial (redacted) failed" },
        { "Authorization: Bearer abcdef x", "Authorization: Bearer (redacted) x" },
        { "got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl twice", "got (redacted) twice" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_free char *line = redact_line(cases[i].line);
        assert_string_equal(line, cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_name_what_differs),
        cmocka_unit_test(credentials_are_not_shown),
        cmocka_unit_test(many_and_long_differences_are_counted_and_cut),
        cmocka_unit_test(names_of_credentials_are_known_by_their_words),
        cmocka_unit_test(lines_lose_their_credentials_only),
    };
    return cmocka_run_group_tests_name("platform_diff", tests, NULL, NULL);
}
