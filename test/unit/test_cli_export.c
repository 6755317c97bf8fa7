/* test/unit/test_cli_export.c -- what is left of a platform that leaves its cluster. */
#include "cli/export.h"

#include <string.h>

#include "fake/fake_kube.h"
#include "json/json.h"
#include "json/yaml.h"
#include "kube/config.h"
#include "unit/check.h"

#define PLATFORM(name)                                                                             \
    "{\"apiVersion\":\"learningplatform.io/v1alpha1\",\"kind\":\"LearningPlatform\",\"metadata\":" \
    "{\"name\":\"" name "\",\"namespace\":\"learning\",\"uid\":\"u-1\",\"resourceVersion\":\"7\"," \
    "\"generation\":3,\"creationTimestamp\":\"2026-01-01T00:00:00Z\",\"managedFields\":[{}],"      \
    "\"labels\":{\"team\":\"a\"},\"annotations\":"                                                 \
    "{\"kubectl.kubernetes.io/last-applied-configuration\":\"{}\",\"note\":\"ours\"}},"            \
    "\"spec\":{\"mode\":\"Active\",\"databases\":{\"postgres\":{\"mode\":\"External\","            \
    "\"secretRef\":{\"name\":\"auth-db\",\"key\":\"uri\"}},\"mongodb\":{\"mode\":\"Embedded\"}}}," \
    "\"status\":{\"phase\":\"Ready\"}}"

static const struct fake_answer script[] = {
    { .match = "learningplatforms/english", .status = 200, .body = PLATFORM("english") },
    { .match = "learningplatforms?",
      .status = 200,
      .body = "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[" PLATFORM(
          "english") "," PLATFORM("french") "]}" },
    FAKE_END
};

static int run(const struct cli_options *o, struct lp_buf *out, struct lp_error *why)
{
    struct fake_kube *fake = fake_kube_start(script);
    struct lp_kube_config *config = fake_kube_config(fake, NULL);
    struct lp_kube_client_options options = { .total_timeout_ms = 10000 };
    struct lp_kube_client *client;

    ok(lp_kube_client_new(config, &options, &client, &err));
    int r = export_platforms(client, o, "learning", out, why);
    lp_kube_client_free(client);
    lp_kube_config_free(config);
    fake_kube_stop(fake);
    return r;
}

static void only_what_a_user_wrote_is_exported(void **state)
{
    const struct cli_options o = { .name = "english", .format = CLI_YAML };
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(65536);
    (void)state;
    ok(run(&o, &out, &err));
    assert_string_equal(
        out.ptr, "# english in namespace learning. Not in here: the Secrets english-jwt, auth-db, "
                 "english-mongodb, and what the databases hold.\n"
                 "apiVersion: learningplatform.io/v1alpha1\n"
                 "kind: LearningPlatform\n"
                 "metadata:\n"
                 "  name: english\n"
                 "  namespace: learning\n"
                 "  labels:\n"
                 "    team: a\n"
                 "  annotations:\n"
                 "    note: ours\n"
                 "spec:\n"
                 "  mode: Active\n"
                 "  databases:\n"
                 "    postgres:\n"
                 "      mode: External\n"
                 "      secretRef:\n"
                 "        name: auth-db\n"
                 "        key: uri\n"
                 "    mongodb:\n"
                 "      mode: Embedded\n");
}

static void several_are_one_stream_of_documents_or_one_list(void **state)
{
    const struct cli_options yaml = { .format = CLI_YAML }, json = { .format = CLI_JSON };
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(65536), line = LP_BUF_INIT(65536);
    json_auto_t *documents = NULL, *list = NULL;
    (void)state;
    ok(run(&yaml, &text, &err));
    ok(lp_yaml_parse(text.ptr, text.len, 65536, "export", &documents, &err));
    assert_int_equal(json_array_size(documents), 2);
    ok(run(&json, &line, &err));
    ok(lp_json_parse(line.ptr, line.len, 65536, "export", &list, &err));
    assert_string_equal(lp_json_str(list, "kind", NULL), "List");
    assert_true(json_equal(json_object_get(list, "items"), documents));
}

static void one_that_is_not_there_is_an_error(void **state)
{
    const struct cli_options o = { .name = "latin", .format = CLI_YAML };
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(65536);
    struct lp_error err;
    (void)state;
    assert_int_equal(run(&o, &out, &err), LP_E_NOT_FOUND);
    assert_string_equal(out.ptr, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_a_user_wrote_is_exported),
        cmocka_unit_test(several_are_one_stream_of_documents_or_one_list),
        cmocka_unit_test(one_that_is_not_there_is_an_error),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("cli_export", tests, NULL, NULL);
}
