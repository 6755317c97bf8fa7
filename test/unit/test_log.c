/* test/unit/test_log.c -- log lines can be counted: their numbers, and repeats that are left out.
 */
#include "base/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log_limit.h"
#include "json/json.h"
#include "unit/check.h"

#define THREADS 8
#define LINES 500

struct capture {
    FILE *file;
    int saved;
};

static void begin(struct capture *c)
{
    c->file = tmpfile();
    c->saved = dup(STDERR_FILENO);
    assert_non_null(c->file);
    dup2(fileno(c->file), STDERR_FILENO);
}

/* The lines, each as an object; the caller frees the array. */
static json_t *end(struct capture *c)
{
    static char line[LP_LOG_LINE + 2];
    json_t *lines = json_array();
    struct lp_error err;

    dup2(c->saved, STDERR_FILENO);
    close(c->saved);
    rewind(c->file);
    while (fgets(line, sizeof line, c->file)) {
        json_t *o = NULL;
        assert_true(strlen(line) <= LP_LOG_LINE);
        if (lp_json_parse(line, strlen(line), LP_LOG_LINE, "line", &o, &err) < 0)
            fail_msg("%s: %s", err.msg, line);
        json_array_append_new(lines, o);
    }
    fclose(c->file);
    return lines;
}

static json_int_t number(const json_t *line, const char *key)
{
    return json_integer_value(json_object_get(line, key));
}

static json_int_t left_out_of(const json_t *lines)
{
    const json_t *line;
    json_int_t sum = 0;
    size_t i;

    json_array_foreach(lines, i, line) sum += number(line, "left_out");
    return sum;
}

static void *log_lines(void *name)
{
    for (int i = 0; i < LINES; i++)
        lp_log_each(LP_LOG_INFO, "one of many", "thread", (const char *)name, NULL);
    return NULL;
}

static void the_lines_of_all_threads_are_numbered_without_a_gap(void **state)
{
    static char seen[THREADS * LINES + 1];
    struct capture c;
    pthread_t threads[THREADS];
    const json_t *line;
    size_t i;

    (void)state;
    begin(&c);
    lp_log_each(LP_LOG_INFO, "the first", NULL);
    for (i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_lines, "a"), 0);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    json_auto_t *lines = end(&c);
    assert_int_equal(json_array_size(lines), THREADS * LINES + 1);
    json_int_t first = number(json_array_get(lines, 0), "seq");
    assert_true(first > 0);
    json_array_foreach(lines, i, line)
    {
        json_int_t at = number(line, "seq") - first;
        assert_true(at >= 0 && at < (json_int_t)sizeof seen);
        assert_int_equal(seen[at]++, 0);
    }
}

static void each_line_says_which_run_of_which_program_in_which_pod_wrote_it(void **state)
{
    static char longer[20000];
    struct capture c;

    (void)state;
    memset(longer, '"', sizeof longer - 1);
    lp_log_identity("lp-test", "v1", "english-auth-7d9f-x2x4z");
    begin(&c);
    lp_log_info("short");
    lp_log_info("long", "value", longer);
    lp_log_identity("lp-test", "v1", NULL);
    lp_log_info("of the next run, in a pod named after its host");
    json_auto_t *lines = end(&c);
    for (size_t i = 0; i < 2; i++) {
        const json_t *line = json_array_get(lines, i);
        assert_string_equal(lp_json_str(line, "program", NULL), "lp-test");
        assert_string_equal(lp_json_str(line, "version", NULL), "v1");
        assert_string_equal(lp_json_str(line, "pod", NULL), "english-auth-7d9f-x2x4z");
        assert_true(number(line, "seq") > 0);
    }
    const json_t *next = json_array_get(lines, 2);
    char host[128] = "";
    gethostname(host, sizeof host - 1);
    assert_string_equal(lp_json_str(next, "pod", NULL), host);
    assert_string_not_equal(lp_json_str(json_array_get(lines, 0), "run", NULL),
                            lp_json_str(next, "run", NULL));
}

static void repeats_are_left_out_and_their_number_is_told(void **state)
{
    struct capture c;
    struct lp_log_counts before = lp_log_counts();

    (void)state;
    begin(&c);
    for (int i = 0; i < 1000; i++) {
        char id[16], learner[16], why[64];
        snprintf(id, sizeof id, "id%d", i);
        snprintf(why, sizeof why, "no answer of 10.0.0.%d:%d after %d ms", i % 8, i, 100 + i);
        snprintf(learner, sizeof learner, "l%d", i);
        lp_log_context_id("id", id);
        lp_log_error("the database is away", "error", why, "learner", learner);
    }
    lp_log_context_id(NULL, NULL);
    lp_log_error("the database is away", "error", "the password is wrong", "learner", "l1");
    lp_log_warn("the database is away");
    lp_log_end();
    json_auto_t *lines = end(&c);
    assert_int_equal(json_array_size(lines), LP_LOG_LIMIT_BURST + 3);
    const json_t *told = json_array_get(lines, LP_LOG_LIMIT_BURST + 2);
    assert_string_equal(lp_json_str(told, "level", NULL), "error");
    assert_string_equal(lp_json_str(told, "msg", NULL), "the database is away");
    assert_int_equal(number(told, "left_out"), 1000 - LP_LOG_LIMIT_BURST);
    struct lp_log_counts after = lp_log_counts();
    assert_int_equal(after.left_out[LP_LOG_ERROR] - before.left_out[LP_LOG_ERROR],
                     1000 - LP_LOG_LIMIT_BURST);
    assert_int_equal(after.written[LP_LOG_ERROR] - before.written[LP_LOG_ERROR],
                     LP_LOG_LIMIT_BURST + 2);
}

static void lines_about_different_objects_and_lines_of_requests_are_no_repeats(void **state)
{
    struct capture c;

    (void)state;
    begin(&c);
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "class-%d", i);
        lp_log_context("platform", name);
        lp_log_info("applied", "kind", "Deployment");
        lp_log_context(NULL, NULL);
        lp_log_info("deleted", "name", name);
        lp_log_each(LP_LOG_INFO, "request", "route", "login", NULL);
    }
    lp_log_end();
    json_auto_t *lines = end(&c);
    assert_int_equal(json_array_size(lines), 300);
}

static void the_first_of_a_kind_is_written_however_many_kinds_there_are(void **state)
{
    static const char *const msg = "m";
    struct lp_log_left_out told = { .lines = 0 };
    uint64_t kinds = 5 * LP_LOG_LIMIT_KINDS, sum = 0, refused = 0;

    (void)state;
    for (uint64_t kind = 1; kind <= kinds; kind++) {
        for (unsigned i = 0; i < LP_LOG_LIMIT_BURST + 3; i++) {
            bool admitted = lp_log_limit_admits(kind, LP_LOG_ERROR, msg, 1000, &told);
            assert_int_equal(admitted, i < LP_LOG_LIMIT_BURST);
            refused += !admitted;
            sum += told.lines;
        }
    }
    while (lp_log_limit_due(INT64_MAX, &told))
        sum += told.lines;
    assert_int_equal(refused, 3 * kinds);
    assert_int_equal(sum, refused);
}

static void a_kind_is_told_of_when_its_time_is_over_and_begins_anew(void **state)
{
    struct lp_log_left_out told = { .lines = 0 };

    (void)state;
    for (unsigned i = 0; i < LP_LOG_LIMIT_BURST + 7; i++)
        lp_log_limit_admits(1, LP_LOG_WARN, "w", 5000, &told);
    assert_false(lp_log_limit_due(5000 + LP_LOG_LIMIT_MS - 1, &told));
    assert_true(lp_log_limit_due(5000 + LP_LOG_LIMIT_MS, &told));
    assert_int_equal(told.lines, 7);
    assert_int_equal(told.level, LP_LOG_WARN);
    assert_string_equal(told.msg, "w");
    assert_false(lp_log_limit_due(INT64_MAX, &told));
    for (unsigned i = 0; i < LP_LOG_LIMIT_BURST + 2; i++)
        lp_log_limit_admits(1, LP_LOG_WARN, "w", 20000, &told);
    assert_true(lp_log_limit_admits(1, LP_LOG_WARN, "w", 20000 + LP_LOG_LIMIT_MS, &told));
    assert_int_equal(told.lines, 2);
}

static void a_hash_that_is_had_twice_hides_no_other_sentence(void **state)
{
    struct lp_log_left_out told;

    (void)state;
    for (unsigned i = 0; i < LP_LOG_LIMIT_BURST + 1; i++)
        lp_log_limit_admits(42, LP_LOG_WARN, "a request is wrong", 50000, &told);
    assert_false(lp_log_limit_admits(42, LP_LOG_WARN, "a request is wrong", 50000, &told));
    assert_true(lp_log_limit_admits(42, LP_LOG_WARN, "the database is away", 50000, &told));
    assert_true(lp_log_limit_admits(42, LP_LOG_ERROR, "a request is wrong", 50000, &told));
    lp_log_end();
}

static void a_line_that_nobody_takes_is_counted_as_lost(void **state)
{
    int ends[2], saved = dup(STDERR_FILENO);
    uint64_t before = lp_log_counts().lost;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    dup2(ends[1], STDERR_FILENO);
    lp_log_info("nobody reads this");
    dup2(saved, STDERR_FILENO);
    close(ends[1]);
    close(saved);
    assert_int_equal(lp_log_counts().lost, before + 1);
}

static void nothing_is_left_out_at_level_debug(void **state)
{
    struct capture c;

    (void)state;
    begin(&c);
    lp_log_set_level(LP_LOG_DEBUG);
    for (int i = 0; i < 100; i++)
        lp_log_debug("again");
    lp_log_set_level(LP_LOG_INFO);
    lp_log_end();
    json_auto_t *lines = end(&c);
    assert_int_equal(json_array_size(lines), 100);
    assert_int_equal(left_out_of(lines), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lines_of_all_threads_are_numbered_without_a_gap),
        cmocka_unit_test(each_line_says_which_run_of_which_program_in_which_pod_wrote_it),
        cmocka_unit_test(repeats_are_left_out_and_their_number_is_told),
        cmocka_unit_test(lines_about_different_objects_and_lines_of_requests_are_no_repeats),
        cmocka_unit_test(the_first_of_a_kind_is_written_however_many_kinds_there_are),
        cmocka_unit_test(a_kind_is_told_of_when_its_time_is_over_and_begins_anew),
        cmocka_unit_test(a_hash_that_is_had_twice_hides_no_other_sentence),
        cmocka_unit_test(a_line_that_nobody_takes_is_counted_as_lost),
        cmocka_unit_test(nothing_is_left_out_at_level_debug),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
