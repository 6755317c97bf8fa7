/* test/unit/test_cli_load_scenario.c -- scenarios of kubectl lp load: what is read, what is
 * refused. */
#include <string.h>

#include "cli/load/scenario.h"
#include "json/json.h"
#include "json/yaml_line.h"
#include "unit/check.h"

static struct scenario *parse(const char *text)
{
    struct scenario *s = NULL;

    ok(scenario_parse(text, strlen(text), "a.yaml", &s, &err));
    return s;
}

static void what_a_class_does_is_a_scenario_as_every_other(void **state)
{
    struct scenario *s = parse(scenario_of_a_class);

    (void)state;
    assert_false(s->account_each);
    assert_false(s->has_shape);
    assert_int_equal(s->n_setup, 1);
    assert_int_equal(s->n_steps, 4);
    assert_string_equal(s->steps[1].name, "speech2text");
    assert_string_equal(s->steps[1].method, "POST");
    assert_string_equal(s->steps[3].method, "GET");
    assert_true(s->steps[2].token && !s->steps[3].token);
    assert_int_equal(s->steps[0].statuses[0], 200);
    assert_string_equal(s->setup[0].keeps[1].from, "user.id");
    assert_true(scenario_uses(s, SCENARIO_EMAIL) && scenario_uses(s, SCENARIO_PASSWORD));
    assert_false(scenario_uses(s, SCENARIO_LEARNER));
    scenario_free(s);
}

static void every_field_is_read(void **state)
{
    struct scenario *s =
        parse("accounts: each\n"
              "values:\n"
              "  word: [a, b, c]\n"
              "setup:\n"
              "- {name: in, path: /in, body: {who: '${email}'}, keep: {id: u.id}}\n"
              "steps:\n"
              "- {name: say, method: PUT, path: '/say/${id}?x=1', token: true,\n"
              "   body: ['${word}'], thinkTime: [0.5, 1.5], weight: 3,\n"
              "   expect: {status: [200, 204], has: a.b}}\n"
              "- {name: look, path: /look, thinkTime: 2, weight: 1}\n"
              "shape: [{at: 0, load: 0}, {at: 0.5, load: 1}, {at: 1, load: 0}]\n");
    const struct scenario_step *say = &s->steps[0];

    (void)state;
    assert_true(s->account_each);
    assert_string_equal(say->method, "PUT");
    assert_string_equal(say->has, "a.b");
    assert_int_equal(say->n_statuses, 2);
    assert_int_equal(say->weight, 3);
    assert_true(say->think_min == 0.5 && say->think_max == 1.5);
    assert_true(s->steps[1].think_min == 2 && s->steps[1].think_max == 2);
    assert_true(s->has_shape && s->shape.n == 3 && s->shape.points[1].load == 1);
    int word = template_find(&s->names, "word", 4);
    assert_true(word > SCENARIO_TOKEN && s->values[word] && scenario_uses(s, word));
    scenario_free(s);
}

static void values_are_encoded_for_where_they_stand(void **state)
{
    struct scenario *s =
        parse("values: {word: [a]}\n"
              "steps: [{name: x, path: '/say/${word}/end', body: {t: '<${word}>'}}]");
    const char *values[TEMPLATE_VARIABLES] = { NULL };
    lp_auto_buf struct lp_buf path = LP_BUF_INIT(256), body = LP_BUF_INIT(256);

    (void)state;
    values[template_find(&s->names, "word", 4)] = "a/b \"c\"\n\\";
    template_write(s->steps[0].path, TEMPLATE_PATH, values, &path);
    template_write(s->steps[0].body, TEMPLATE_JSON, values, &body);
    assert_string_equal(path.ptr, "/say/a%2Fb%20%22c%22%0A%5C/end");
    assert_string_equal(body.ptr, "{\"t\":\"<a/b \\\"c\\\"\\u000a\\\\>\"}");
    scenario_free(s);
}

static void alternatives_are_taken_as_often_as_their_weights_say(void **state)
{
    struct scenario *s = parse("steps:\n"
                               "- {name: first, path: /}\n"
                               "- {name: often, path: /, weight: 3}\n"
                               "- {name: seldom, path: /, weight: 1}\n"
                               "- {name: last, path: /}\n");

    (void)state;
    assert_int_equal(scenario_next(s, -1, 0.9), 0);
    assert_int_equal(scenario_next(s, 0, 0), 1);
    assert_int_equal(scenario_next(s, 0, 0.7499), 1);
    assert_int_equal(scenario_next(s, 0, 0.7501), 2);
    assert_int_equal(scenario_next(s, 0, 0.9999999), 2);
    assert_int_equal(scenario_next(s, 1, 0), 3); /* one of the two, not both */
    assert_int_equal(scenario_next(s, 2, 0), 3);
    assert_int_equal(scenario_next(s, 3, 0), -1);
    scenario_free(s);
}

static void what_is_wrong_is_told_with_line_field_value_and_limit(void **state)
{
    static const char *const wrong[][2] = {
        { "steps: []", "a.yaml: line 1: scenario.steps: " },
        { "a: 1\nsteps: [{name: x, path: /}]", "a.yaml: line 1: scenario.a: unknown field" },
        { "steps:\n- {name: x, path: /}\n- {name: y, path: /,\n   color: red}",
          "a.yaml: line 4: scenario.steps[1].color: unknown field" },
        { "steps:\n- {name: x}", "a.yaml: line 2: scenario.steps[0].path: " },
        { "steps:\n- {name: x y, path: /}", "a.yaml: line 2: scenario.steps[0].name: " },
        { "steps:\n- {name: x, path: b}", "scenario.steps[0].path: must begin with /" },
        { "steps: [{name: x, path: /, method: TRACE}]", "scenario.steps[0].method: must be " },
        { "steps: [{name: x, path: /, weight: 0}]", "weight: must be 1..1000, is 0" },
        { "steps: [{name: x, path: /, thinkTime: -1}]", "thinkTime: must be a number of 0..3600" },
        { "steps: [{name: x, path: /, thinkTime: [2, 1]}]",
          "thinkTime: must be a number of 2..3600" },
        { "steps: [{name: x, path: /, thinkTime: [1]}]", "must be seconds, or a list of" },
        { "steps: [{name: x, path: /, body: text}]", "body: must be an object or a list" },
        { "steps: [{name: x, path: /, expect: {status: [99]}}]",
          "expect.status[0]: must be an integer of 100..599" },
        { "steps: [{name: x, path: '/${who}'}]", "path: ${who} is neither email, password" },
        { "steps: [{name: x, path: '/${email'}]", "\"${\" without \"}\"" },
        { "steps: [{name: x, path: /, keep: {email: e}}]", "keep.email: has a value already" },
        { "steps: [{name: x, path: /, keep: {id: 1}}]", "keep.id: must be where it stands" },
        { "values: {w: []}\nsteps: [{name: x, path: /}]", "values.w: must be a list of 1..10000" },
        { "values: {w: [1]}\nsteps: [{name: x, path: /}]", "values.w[0]: must be a string" },
        { "accounts: two\nsteps: [{name: x, path: /}]", "scenario.accounts: must be " },
        { "shape: [{at: 0, load: 1}, {at: 0.5, load: 1}]\nsteps: [{name: x, path: /}]",
          "shape[1].at: the last must be 1, is 0.5" },
        { "shape: [{at: 0, load: 1}, {at: 1, load: 2}]\nsteps: [{name: x, path: /}]",
          "shape[1].load: must be a number of 0..1" },
        { "shape: [{at: 0, load: 0}, {at: 1, load: 0}]\nsteps: [{name: x, path: /}]",
          "scenario.shape: must have some load" },
        { "steps: [{name: x, path: /}]\n---\nsteps: []", "a.yaml: must be one document, has 2" },
        { "", "a.yaml: must be one document, has 0" },
        { "steps: [", "a.yaml: " },
        { "[1]", "a.yaml: line 1: scenario: " },
    };
    struct scenario *s;
    struct lp_error err;

    (void)state;
    for (size_t i = 0; i < LP_COUNT(wrong); i++) {
        assert_int_equal(scenario_parse(wrong[i][0], strlen(wrong[i][0]), "a.yaml", &s, &err),
                         LP_E_INVALID);
        if (!strstr(err.msg, wrong[i][1]))
            fail_msg("%s\nwanted: %s\ngot: %s", wrong[i][0], wrong[i][1], err.msg);
    }
}

static void a_field_is_found_in_its_line(void **state)
{
    static const char text[] = "# a comment\n"
                               "a: {b: 1, c: [1, 2]}\n"
                               "list:\n"
                               "- x: 1\n"
                               "  y: {z: 2}\n"
                               "- - 5\n"
                               "  - 6\n";
    static const struct {
        const char *path;
        size_t line;
    } fields[] = { { "a", 2 },         { "a.c[1]", 2 },      { "list", 3 },
                   { "list[0].x", 4 }, { "list[0].y.z", 5 }, { "list[1][1]", 7 },
                   { "list[0].q", 4 }, { "nothing", 1 },     { "", 1 },
                   { "list[9]", 3 } };

    (void)state;
    for (size_t i = 0; i < LP_COUNT(fields); i++) {
        size_t line = lp_yaml_line(text, sizeof text - 1, fields[i].path);
        if (line != fields[i].line)
            fail_msg("%s: line %zu, not %zu", fields[i].path, line, fields[i].line);
    }
    assert_int_equal(lp_yaml_line("a: [", 4, "a[0]"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_class_does_is_a_scenario_as_every_other),
        cmocka_unit_test(every_field_is_read),
        cmocka_unit_test(values_are_encoded_for_where_they_stand),
        cmocka_unit_test(alternatives_are_taken_as_often_as_their_weights_say),
        cmocka_unit_test(what_is_wrong_is_told_with_line_field_value_and_limit),
        cmocka_unit_test(a_field_is_found_in_its_line),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("cli_load_scenario", tests, NULL, NULL);
}
