/* test/unit/test_operator_journal.c -- what a process was at when it died. */
#include "operator/hold/journal.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "unit/check.h"

static char path[64];

static int make_path(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/lp-journal-%ld", (long)getpid());
    unlink(path);
    return 0;
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static struct journal *opened(void)
{
    struct journal *j = NULL;
    struct lp_error err = { .msg = "" };
    if (journal_open(path, &j, &err) < 0)
        fail_msg("%s", err.msg);
    return j;
}

/* A process that ends with these passes under way. */
static void die_at(const char *one, const char *other)
{
    int status = -1;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct journal *j = NULL;
        struct lp_error err;
        if (journal_open(path, &j, &err) < 0)
            _exit(2);
        if (one)
            journal_begin(j, 0, one);
        if (other)
            journal_begin(j, 1, other);
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static void what_was_under_work_at_a_death_is_suspected(void **state)
{
    (void)state;
    die_at("learning/poison", "learning/other");
    struct journal *j = opened();
    assert_int_equal(journal_deaths(j, "learning/poison"), 1);
    assert_int_equal(journal_deaths(j, "learning/other"), 1);
    assert_int_equal(journal_deaths(j, "learning/third"), 0);
    assert_int_equal(journal_cut_short(j), 2);
    journal_begin(j, 0, "learning/third");
    journal_end(j, 0, "learning/third", false);
    journal_close(j);
    j = opened();
    assert_int_equal(journal_deaths(j, "learning/third"), 0);
    journal_close(j);
}

static void deaths_add_up_until_a_pass_is_survived(void **state)
{
    (void)state;
    for (unsigned i = 1; i < 4; i++) {
        die_at("learning/poison", NULL);
        struct journal *j = opened();
        assert_int_equal(journal_deaths(j, "learning/poison"), i);
        journal_begin(j, 3, "learning/poison");
        journal_end(j, 3, "learning/poison", false); /* failed, but not by a death */
        assert_int_equal(journal_deaths(j, "learning/poison"), i);
        journal_close(j);
    }
    struct journal *j = opened();
    journal_begin(j, 3, "learning/poison");
    journal_end(j, 3, "learning/poison", true);
    assert_int_equal(journal_deaths(j, "learning/poison"), 0);
    journal_close(j);
}

struct alone {
    struct journal *journal;
    const char *key;
    atomic_bool begun;
};

static void *work(void *user)
{
    struct alone *a = user;
    journal_begin(a->journal, 1, a->key);
    atomic_store(&a->begun, true);
    journal_end(a->journal, 1, a->key, true);
    return NULL;
}

static void a_suspect_is_worked_on_alone(void **state)
{
    static const char *const keys[][2] = { { "learning/poison", "learning/other" },
                                           { "learning/other", "learning/poison" } };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(keys); i++) {
        die_at("learning/poison", NULL);
        struct alone second = { .journal = opened(), .key = keys[i][1] };
        pthread_t thread;
        journal_begin(second.journal, 0, keys[i][0]);
        assert_int_equal(pthread_create(&thread, NULL, work, &second), 0);
        assert_false(atomic_load(&second.begun));
        journal_end(second.journal, 0, keys[i][0], true);
        pthread_join(thread, NULL);
        assert_true(atomic_load(&second.begun));
        journal_close(second.journal);
    }
}

static void a_file_that_is_something_else_is_begun_anew(void **state)
{
    static const char rubbish[] = "lp-operator 1\nx";
    (void)state;
    lp_auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(write(fd, rubbish, sizeof rubbish - 1), sizeof rubbish - 1);
    struct journal *j = opened();
    assert_int_equal(journal_deaths(j, "x"), 0);
    journal_begin(j, 0, "a/b");
    journal_close(j);
    j = opened();
    assert_int_equal(journal_deaths(j, "a/b"), 1);
    journal_close(j);
}

static void a_file_that_another_process_has_is_refused(void **state)
{
    struct journal *j = opened(), *second = NULL;
    struct lp_error err;
    (void)state;
    assert_int_equal(journal_open(path, &second, &err), LP_E_INVALID);
    assert_non_null(strstr(err.msg, path));
    assert_int_equal(journal_open("/nowhere/journal", &second, &err), LP_E_INVALID);
    journal_close(j);
}

static void without_a_file_nothing_is_known(void **state)
{
    (void)state;
    journal_begin(NULL, 0, "a/b");
    journal_end(NULL, 0, "a/b", true);
    assert_int_equal(journal_deaths(NULL, "a/b"), 0);
    journal_close(NULL);
    fclose(fopen(path, "w"));
}

#define test(f) cmocka_unit_test_setup_teardown(f, make_path, remove_path)
int main(void)
{
    const struct CMUnitTest tests[] = {
        test(what_was_under_work_at_a_death_is_suspected),
        test(deaths_add_up_until_a_pass_is_survived),
        test(a_suspect_is_worked_on_alone),
        test(a_file_that_is_something_else_is_begun_anew),
        test(a_file_that_another_process_has_is_refused),
        test(without_a_file_nothing_is_known),
    };
    return cmocka_run_group_tests_name("operator_journal", tests, NULL, NULL);
}
