/* test/unit/test_platform_pins.c -- what a database keeps from the day its volume was made. */
#include "platform/pins.h"

#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "json/json.h"
#include "json/yaml.h"
#include "unit/check.h"

static json_t *parse(const char *yaml)
{
    json_auto_t *documents = NULL;
    ok(lp_yaml_parse(yaml, strlen(yaml), LP_LIMIT_CONFIG_BYTES, "test", &documents, &err));
    return json_incref(json_array_get(documents, 0));
}

static const struct plan_images images = { .registry = "r",
                                           .tag = "t",
                                           .pull_policy = "IfNotPresent",
                                           .postgres = "docker.io/library/postgres:17",
                                           .mongo = "mongo:7.0",
                                           .mongodb_auth = true };

static void another_major_version_or_program_is_told_from_a_minor_one(void **state)
{
    static const struct {
        const char *from, *to;
        bool major;
    } cases[] = {
        { "docker.io/library/postgres:16", "docker.io/library/postgres:17", true },
        { "docker.io/library/postgres:16", "docker.io/library/postgres:16.4", false },
        { "postgres:16", "mirror.example:5000/x/postgres:16-bookworm", false },
        { "postgres:16", "postgres:160", true },
        { "postgres:9", "postgres:16", true },
        { "postgres:16@sha256:aa", "postgres:16@sha256:bb", false },
        { "postgres:16", "postgres:latest", true },
        { "postgres:16", "postgres@sha256:bb", true },
        { "postgres:16", "bitnami/postgresql:16", true },
        { "lp/lp-postgres:v0.1.0", "lp/lp-postgres:v0.2.0", false },
        { "mongo:7.0", "mongo:7.1", false },
        { "mongo:7.0", "mongo:8.0", true },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++)
        if (pins_is_major(cases[i].from, cases[i].to) != cases[i].major)
            fail_msg("%s -> %s", cases[i].from, cases[i].to);
}

static void a_new_image_over_an_old_volume_is_refused_with_what_to_do(void **state)
{
    (void)state;
    json_auto_t *claim = parse("{metadata: {annotations: {learningplatform.io/image:"
                               " 'docker.io/library/postgres:16'}}}");
    struct platform p = { .name = "english", .images = &images };
    pins_read(DATABASE_POSTGRES, claim, NULL, &p.databases[DATABASE_POSTGRES]);
    assert_string_equal(pins_image(&p, DATABASE_POSTGRES), "docker.io/library/postgres:16");
    lp_auto_free char *text = pins_refused(&p, DATABASE_POSTGRES);
    assert_non_null(strstr(text, "the operator's image is docker.io/library/postgres:17, but "
                                 "docker.io/library/postgres:16 wrote the data"));
    assert_non_null(strstr(text, "data-english-postgres-0"));
    assert_null(pins_refused(&p, DATABASE_MONGODB));
}

static void a_minor_version_of_the_operator_is_taken(void **state)
{
    (void)state;
    json_auto_t *claim =
        parse("{metadata: {annotations: {learningplatform.io/image: 'postgres:17.1'}}}");
    struct platform p = { .name = "english", .images = &images };
    pins_read(DATABASE_POSTGRES, claim, NULL, &p.databases[DATABASE_POSTGRES]);
    assert_string_equal(pins_image(&p, DATABASE_POSTGRES), images.postgres);
    assert_null(pins_refused(&p, DATABASE_POSTGRES));
}

static void a_database_without_users_stays_without(void **state)
{
    (void)state;
    json_auto_t *claim = parse("{metadata: {annotations: {learningplatform.io/users: 'false'}}}");
    struct platform p = { .name = "english", .images = &images };
    pins_read(DATABASE_MONGODB, claim, NULL, &p.databases[DATABASE_MONGODB]);
    assert_false(pins_users(&p, DATABASE_MONGODB));
    assert_true(pins_users(&p, DATABASE_POSTGRES));
    lp_auto_free char *text = pins_refused(&p, DATABASE_MONGODB);
    assert_non_null(strstr(text, "LP_MONGODB_AUTH is true"));
}

static void what_an_older_operator_made_is_read_from_its_statefulset(void **state)
{
    (void)state;
    json_auto_t *s =
        parse("{spec: {volumeClaimTemplates: [{spec: {resources: {requests: {storage: 3Gi}}}}],"
              " template: {metadata: {annotations: {learningplatform.io/secret-database: x}},"
              " spec: {containers: [{image: 'mongo:6', env: [{name: HOME}]}]}}}}");
    struct database_state d = { .leaving = true };
    pins_read(DATABASE_MONGODB, NULL, s, &d);
    assert_string_equal(d.image, "mongo:6");
    assert_string_equal(d.users, "false");
    assert_string_equal(json_string_value(d.storage), "3Gi");
    assert_string_equal(d.secret, "x");
    assert_true(d.leaving);
    struct database_state none = { 0 };
    pins_read(DATABASE_MONGODB, NULL, NULL, &none);
    assert_true(!none.image && !none.users && !none.storage && !none.secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_major_version_or_program_is_told_from_a_minor_one),
        cmocka_unit_test(a_new_image_over_an_old_volume_is_refused_with_what_to_do),
        cmocka_unit_test(a_minor_version_of_the_operator_is_taken),
        cmocka_unit_test(a_database_without_users_stays_without),
        cmocka_unit_test(what_an_older_operator_made_is_read_from_its_statefulset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
