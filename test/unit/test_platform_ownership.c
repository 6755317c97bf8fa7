/* test/unit/test_platform_ownership.c -- whose an object is that has the name of a child. */
#include "platform/ownership.h"

#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "json/json.h"
#include "json/yaml.h"
#include "unit/check.h"

static const struct platform platform = { .ns = "n", .name = "english", .uid = "new" };

static json_t *parse(const char *yaml)
{
    json_auto_t *documents = NULL;
    ok(lp_yaml_parse(yaml, strlen(yaml), LP_LIMIT_CONFIG_BYTES, "test", &documents, &err));
    return json_incref(json_array_get(documents, 0));
}

#define OWNER(kind, name, uid) \
    "ownerReferences: [{kind: " kind ", name: " name ", uid: " uid ", controller: true}]"
#define LABELS "labels: {app.kubernetes.io/part-of: english}"
#define APPLIED "annotations: {learningplatform.io/intent: x}"
#define ADOPT "annotations: {learningplatform.io/adopt: english}"

static void an_object_is_ours_only_by_its_controller_its_past_or_its_owners_word(void **state)
{
    static const struct {
        const char *metadata;
        enum child_kind kind;
        enum ownership whose;
    } cases[] = {
        { "{" OWNER("LearningPlatform", "english", "new") "}", CHILD_SERVICE, OWNERSHIP_OURS },
        { "{" OWNER("LearningPlatform", "english", "old") ", " LABELS ", " APPLIED "}",
          CHILD_STATEFUL_SET, OWNERSHIP_TERMINATING },
        { "{" OWNER("LearningPlatform", "german", "old") ", " ADOPT "}", CHILD_SERVICE,
          OWNERSHIP_FOREIGN },
        { "{" OWNER("Deployment", "d", "d") ", " ADOPT "}", CHILD_SERVICE, OWNERSHIP_FOREIGN },
        { "{}", CHILD_SERVICE, OWNERSHIP_FOREIGN },
        { "{" LABELS "}", CHILD_SERVICE, OWNERSHIP_FOREIGN },
        { "{" ADOPT "}", CHILD_SERVICE, OWNERSHIP_OURS },
        { "{annotations: {learningplatform.io/adopt: german}}", CHILD_SERVICE, OWNERSHIP_FOREIGN },
        /* the reference was taken away, or the platform deleted with --cascade=orphan */
        { "{" LABELS ", " APPLIED "}", CHILD_SERVICE, OWNERSHIP_OURS },
        { "{" APPLIED "}", CHILD_SERVICE, OWNERSHIP_FOREIGN },
        /* a volume with data, kept or made by a StatefulSet of an older operator */
        { "{" LABELS "}", CHILD_CLAIM, OWNERSHIP_OURS },
        { "{" LABELS ", " OWNER("StatefulSet", "english-postgres", "s") "}", CHILD_CLAIM,
          OWNERSHIP_OURS },
        { "{" LABELS ", " OWNER("LearningPlatform", "english", "old") "}", CHILD_CLAIM,
          OWNERSHIP_TERMINATING },
        { "{labels: {app: mine}}", CHILD_CLAIM, OWNERSHIP_FOREIGN },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_free char *text = lp_sprintf("{metadata: %s}", cases[i].metadata);
        json_auto_t *o = parse(text);
        if (ownership_of(&platform, cases[i].kind, o) != cases[i].whose)
            fail_msg("%s", text);
    }
}

static void a_conflict_says_how_to_end_it(void **state)
{
    (void)state;
    json_auto_t *theirs = parse("{metadata: {name: english-auth}}");
    lp_auto_free char *text = ownership_conflict(&platform, CHILD_SERVICE, theirs);
    assert_string_equal(text,
                        "Service english-auth is there and not of this platform, so it is left as "
                        "it is: delete it, or hand it over, and it is the platform's and goes with "
                        "it: kubectl annotate services english-auth -n n "
                        "learningplatform.io/adopt=english");
    json_auto_t *led = parse("{metadata: {name: english-auth, " OWNER("Deployment", "d", "d") "}}");
    lp_auto_free char *other = ownership_conflict(&platform, CHILD_SERVICE, led);
    assert_non_null(strstr(other, "Deployment d controls it"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_is_ours_only_by_its_controller_its_past_or_its_owners_word),
        cmocka_unit_test(a_conflict_says_how_to_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
