/* test/unit/test_cli_help.c -- help, docs/cli/ and completion scripts come from the tables, and the
 * tables say what the command line takes. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/command/command.h"
#include "cli/options.h"
#include "platform/plan.h"
#include "unit/golden.h"

static void docs_cli_is_what_the_tables_say(void **state)
{
    lp_auto_buf struct lp_buf list = LP_BUF_INIT(1 << 20);
    (void)state;
    cli_help(NULL, CLI_MARKDOWN, &list);
    check_golden("docs/cli/README.md", list.ptr);
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 20);
        lp_auto_free char *path = lp_sprintf("docs/cli/%s.md", c->name);
        cli_help(c, CLI_MARKDOWN, &text);
        check_golden(path, text.ptr);
    }
}

/* "A=1 kubectl lp why english --since 1h > x": up to 31 words of the plugin's own, without quotes;
 * how many. */
static int words_of(char *line, char **argv)
{
    char *at = strstr(line, "kubectl lp "), *rest = NULL, *word;
    int n = 0;

    if (!at)
        return 0;
    for (word = strtok_r(at + strlen("kubectl "), " ", &rest); word && n < 31;
         word = strtok_r(NULL, " ", &rest)) {
        if (strcmp(word, ">") == 0 || strcmp(word, "|") == 0)
            break;
        if (word[0] == '\'')
            memmove(word, word + 1, strlen(word)), word[strcspn(word, "'")] = '\0';
        argv[n++] = word;
    }
    return n;
}

static void every_example_is_taken_by_the_command_line(void **state)
{
    (void)state;
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        assert_non_null(c->examples[0].line);
        for (size_t i = 0; i < CLI_MAX_EXAMPLES && c->examples[i].line; i++) {
            lp_auto_free char *line = lp_strdup(c->examples[i].line);
            char *argv[32] = { NULL };
            struct cli_options o;
            struct lp_error err;
            int n = words_of(line, argv);
            if (n == 0) {
                assert_non_null(strstr(line, "kubectl-lp completion"));
                continue;
            }
            int r = cli_options_parse(n, argv, &o, &err);
            /* The past moves on. */
            if (r < 0 && !strstr(err.msg, "the last 24 h"))
                fail_msg("%s: %s", c->examples[i].line, err.msg);
            assert_string_equal(o.command, c->name);
        }
    }
}

/* Of a usage line, "[--since DURATION]": the options that it names. */
static void check_usage(const struct cli_command *c)
{
    const char *at = c->arguments;

    while ((at = strchr(at, '-'))) {
        size_t n = strcspn(at, " ]\n|");
        bool starts = at == c->arguments || strchr(" [\n", at[-1]);
        bool known = !starts;
        for (const struct cli_option *o = cli_option_table; o->name; o++)
            known =
                known || (cli_takes(c, o) && strlen(o->name) == n && strncmp(o->name, at, n) == 0);
        if (!known)
            fail_msg("%s: no option for \"%s\"", c->name, at);
        at += n;
    }
}

static void usage_lines_name_options_that_the_command_takes(void **state)
{
    (void)state;
    for (const struct cli_command *c = cli_commands; c->name; c++)
        check_usage(c);
}

static void every_option_is_some_commands_and_has_one_name(void **state)
{
    (void)state;
    for (const struct cli_option *o = cli_option_table; o->name; o++) {
        bool taken = false;
        for (const struct cli_command *c = cli_commands; c->name; c++)
            taken = taken || cli_takes(c, o);
        assert_true(taken);
        assert_true((o->kind == CLI_FLAG) == (o->value == NULL));
        for (const struct cli_option *other = o + 1; other->name; other++) {
            assert_string_not_equal(o->name, other->name);
            assert_false(o->other && other->other && strcmp(o->other, other->other) == 0);
        }
    }
}

static bool has_right(const struct cli_command *c, const struct lp_kube_kind *kind,
                      const char *verb)
{
    for (size_t i = 0; i < CLI_MAX_RIGHTS && c->rights[i].resource; i++)
        if (strcmp(c->rights[i].group, kind->group) == 0 &&
            strcmp(c->rights[i].resource, kind->plural) == 0 && strstr(c->rights[i].verbs, verb))
            return true;
    return false;
}

static void diff_and_report_name_the_rights_for_every_kind_of_child(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_CHILD_KINDS; i++) {
        if (!has_right(cli_command_find("diff"), child_kinds[i], "patch") ||
            !has_right(cli_command_find("report"), child_kinds[i], "list"))
            fail_msg("no right for %s", child_kinds[i]->plural);
    }
}

static void a_commands_help_has_its_options_examples_and_rights_alone(void **state)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 20);
    (void)state;
    cli_help(cli_command_find("why"), CLI_TEXT, &text);
    assert_non_null(strstr(text.ptr, "kubectl lp why [PLATFORM] [SERVICE]"));
    assert_non_null(strstr(text.ptr, "  --since DURATION "));
    assert_null(strstr(text.ptr, "--trace"));
    assert_non_null(strstr(text.ptr, "text, json; text where it is not given"));
    assert_non_null(strstr(text.ptr, "  kubectl lp why english --since 1h\n"));
    assert_non_null(strstr(text.ptr, "get, list; without it this is missing: everything"));
    assert_false(text.overflowed);
}

static void a_man_page_escapes_what_roff_would_read(void **state)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 20);
    (void)state;
    cli_help(NULL, CLI_MAN, &text);
    assert_int_equal(strncmp(text.ptr, ".TH KUBECTL\\-LP 1", 17), 0);
    assert_non_null(strstr(text.ptr, "\\-\\-fail\\-if \\(aqp95>300ms\\(aq"));
    assert_non_null(strstr(text.ptr, ".SH kubectl lp simulate\n"));
    assert_false(text.overflowed);
}

static void each_shell_has_a_script_and_others_are_refused(void **state)
{
    static const char *const others[] = { "", " ", "bash zsh", "ba", "csh" };
    char *argv[] = { (char *)"kubectl-lp", (char *)"completion", NULL, NULL };
    struct cli_options o;
    struct lp_error err;
    (void)state;
    assert_non_null(strstr(cli_completion_script("bash"), "complete -F"));
    assert_non_null(strstr(cli_completion_script("zsh"), "#compdef kubectl-lp"));
    assert_non_null(strstr(cli_completion_script("fish"), "complete -c kubectl-lp"));
    for (size_t i = 0; i < LP_COUNT(others); i++) {
        argv[2] = (char *)others[i];
        assert_int_equal(cli_options_parse(3, argv, &o, &err), LP_E_INVALID);
    }
    assert_string_equal(err.msg, "completion: must be bash|zsh|fish, is \"csh\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(docs_cli_is_what_the_tables_say),
        cmocka_unit_test(every_example_is_taken_by_the_command_line),
        cmocka_unit_test(usage_lines_name_options_that_the_command_takes),
        cmocka_unit_test(every_option_is_some_commands_and_has_one_name),
        cmocka_unit_test(diff_and_report_name_the_rights_for_every_kind_of_child),
        cmocka_unit_test(a_commands_help_has_its_options_examples_and_rights_alone),
        cmocka_unit_test(a_man_page_escapes_what_roff_would_read),
        cmocka_unit_test(each_shell_has_a_script_and_others_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
