/* test/unit/test_progress_feedback.c -- categories of feedback: what is taken, summed and shown. */
#include "services/progress/feedback.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "unit/check.h"

static int read_text(const char *json, struct feedback *f, struct lp_error *err)
{
    json_auto_t *o = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(o);
    return feedback_read(o, f, err);
}

static void takes_counts_by_category_and_no_text(void **state)
{
    struct feedback f = { 0 };
    struct lp_error err;
    (void)state;
    assert_int_equal(read_text("{\"article\":2.0,\"word-order\":10000,\"tense\":0.0}", &f, &err),
                     0);
    assert_int_equal(f.n, 2);
    assert_int_equal(f.others, 0);
    feedback_sort(&f);
    assert_string_equal(f.categories[0].name, "word-order");
    assert_int_equal(f.categories[0].count, 10000);
}

/* Clients of before may have sent a member of that name, which was dropped. */
static void what_is_no_object_is_no_feedback(void **state)
{
    static const char *const texts[] = { "\"good\"", "7", "[1]", "null", "true", "{}" };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(texts); i++) {
        struct feedback f = { .n = 3 };
        struct lp_error err;
        assert_int_equal(read_text(texts[i], &f, &err), 0);
        assert_int_equal(f.n, 0);
    }
}

static void refuses_names_and_counts_out_of_limits_and_says_which(void **state)
{
    static const struct {
        const char *json, *why;
    } cases[] = {
        { "{\"$inc\":1}", "not \"$inc\"" },
        { "{\"a.b\":1}", "not \"a.b\"" },
        { "{\"\":1}", "a category is 1 to 32" },
        { "{\" tense\":1}", "spaces within" },
        { "{\"tense \":1}", "spaces within" },
        { "{\"abcdefghijklmnopqrstuvwxyz0123456\":1}", "1 to 32" },
        { "{\"article\":-1}", "feedback.article: a whole number from 0 to 10000" },
        { "{\"article\":10001}", "from 0 to 10000" },
        { "{\"article\":1.5}", "whole number" },
        { "{\"article\":\"The house\"}", "whole number" },
        { "{\"article\":{\"$ne\":null}}", "whole number" },
    };
    struct feedback f = { .n = 3 };
    struct lp_error err;
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        assert_int_equal(read_text(cases[i].json, &f, &err), LP_E_INVALID);
        if (!strstr(err.msg, cases[i].why) || strstr(err.msg, "house"))
            fail_msg("%s: %s", cases[i].json, err.msg);
    }
    json_auto_t *many = json_object();
    for (int i = 0; i <= FEEDBACK_CATEGORIES; i++) {
        lp_auto_free char *name = lp_sprintf("c%d", i);
        json_object_set_new(many, name, json_integer(1));
    }
    assert_int_equal(feedback_read(many, &f, &err), LP_E_INVALID);
    assert_non_null(strstr(err.msg, "33 categories, at most 32"));
    assert_int_equal(f.n, 3);
}

static void sums_have_a_bound_and_the_rest_is_counted_together(void **state)
{
    struct feedback f = { 0 }, more = { 0 };
    (void)state;
    for (int i = 0; i < 2 * FEEDBACK_CATEGORIES; i++) {
        lp_auto_free char *name = lp_sprintf("c%d", i);
        feedback_add(&f, name, 2);
    }
    assert_int_equal(f.n, FEEDBACK_CATEGORIES);
    assert_int_equal(f.others, 2 * FEEDBACK_CATEGORIES);
    feedback_add(&more, "c1", 5);
    feedback_merge(&f, &more);
    feedback_sort(&f);
    assert_string_equal(f.categories[0].name, "c1");
    assert_int_equal(f.categories[0].count, 7);
    feedback_reset(&f);
    assert_int_equal(f.n, FEEDBACK_CATEGORIES);
    assert_int_equal(f.others, 0);
    feedback_sort(&f);
    assert_int_equal(f.n, 0);
}

/* What one client sends once hides nothing that is frequent. */
static void the_rarest_gives_way_where_there_are_too_many(void **state)
{
    struct feedback f = { 0 };
    (void)state;
    for (int i = 0; i < FEEDBACK_CATEGORIES; i++) {
        lp_auto_free char *name = lp_sprintf("c%d", i);
        feedback_add(&f, name, i == 5 ? 1 : 2);
    }
    feedback_add(&f, "article", 1);
    assert_int_equal(f.others, 1);
    feedback_add(&f, "article", 40);
    feedback_add(&f, "No Name", 50);
    assert_int_equal(f.n, FEEDBACK_CATEGORIES);
    assert_int_equal(f.others, 1 + 1 + 50);
    feedback_sort(&f);
    assert_string_equal(f.categories[0].name, "article");
    assert_int_equal(f.categories[0].count, 40);
    assert_string_not_equal(f.categories[FEEDBACK_CATEGORIES - 1].name, "c5");
}

/* Of docs/openapi/ai-feedback.json. */
static void every_category_that_ai_feedback_names_is_taken(void **state)
{
    json_auto_t *api = json_load_file("docs/openapi/ai-feedback.json", 0, NULL);
    const json_t *name, *names = NULL, *edit;
    const char *key;
    size_t i;
    (void)state;
    assert_non_null(api);
    json_object_foreach(json_object_get(json_object_get(api, "components"), "schemas"), key, edit)
    {
        const json_t *category = json_object_get(json_object_get(edit, "properties"), "category");
        names = category ? json_object_get(category, "enum") : names;
    }
    assert_true(json_array_size(names) > 10);
    json_array_foreach(names, i, name)
    {
        struct feedback f;
        struct lp_error err;
        json_auto_t *one = json_pack("{s:i}", json_string_value(name), 1);
        if (feedback_read(one, &f, &err) < 0)
            fail_msg("%s", err.msg);
        assert_int_equal(f.n, 1);
    }
}

static void comes_back_from_a_document_whatever_it_holds(void **state)
{
    struct feedback f = { 0 }, back = { 0 };
    bson_t d = BSON_INITIALIZER;
    bson_iter_t i, in;
    (void)state;
    feedback_add(&f, "article", 3);
    feedback_add(&f, "tense", 1);
    feedback_append(&f, "f", &d);
    assert_true(bson_iter_init_find(&i, &d, "f") && bson_iter_recurse(&i, &in));
    feedback_take(&in, 1000, &back);
    assert_memory_equal(&back, &f, sizeof f);
    bson_destroy(&d);

    bson_t *odd =
        BCON_NEW("a", "text", "b", BCON_INT32(-3), "c", BCON_INT64(INT64_MAX), "D", BCON_INT32(4));
    struct feedback taken = { 0 };
    assert_true(bson_iter_init(&i, odd));
    feedback_take(&i, 1000, &taken);
    assert_int_equal(taken.n, 1);
    assert_int_equal(taken.categories[0].count, 1000);
    assert_int_equal(taken.others, 4);
    bson_destroy(odd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_counts_by_category_and_no_text),
        cmocka_unit_test(what_is_no_object_is_no_feedback),
        cmocka_unit_test(refuses_names_and_counts_out_of_limits_and_says_which),
        cmocka_unit_test(sums_have_a_bound_and_the_rest_is_counted_together),
        cmocka_unit_test(the_rarest_gives_way_where_there_are_too_many),
        cmocka_unit_test(every_category_that_ai_feedback_names_is_taken),
        cmocka_unit_test(comes_back_from_a_document_whatever_it_holds),
    };
    return cmocka_run_group_tests_name("progress_feedback", tests, NULL, NULL);
}
