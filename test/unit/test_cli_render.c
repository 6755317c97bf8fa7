/* test/unit/test_cli_render.c -- the samples as YAML, byte by byte; files that are refused; the
 * text of why. */
#include "cli/render.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/file.h"
#include "cli/why.h"
#include "json/json.h"
#include "json/yaml.h"
#include "unit/golden.h"

static const struct plan_images images = {
    "registry.example/lp", "v1.2.3", "IfNotPresent", "docker.io/library/postgres:16",
    "mongo.example/m:7",   true,     false,          false
};

static int render(const char *file, enum cli_format format, struct lp_buf *out,
                  struct lp_error *err)
{
    struct cli_options o = { .files = { file }, .format = format };
    return render_file(&o, &images, out, err);
}

static void the_samples_are_rendered_as_the_golden_files_say(void **state)
{
    static const char *const samples[] = { "production", "existing-platform" };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(samples); i++) {
        lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
        lp_auto_free char *sample = lp_sprintf("config/samples/%s.yaml", samples[i]);
        lp_auto_free char *golden = lp_sprintf("test/unit/golden/render_%s.yaml", samples[i]);
        ok(render(sample, CLI_YAML, &out, &err));
        check_golden(golden, out.ptr);
    }
}

/* 2026-12-03 is a Thursday; the exam begins at 09:00 in Berlin, its pods are there at 08:45. */
static void a_platform_is_rendered_as_its_calendar_has_it_at_a_time(void **state)
{
    static const struct {
        const char *at;
        int64_t gateway, auth, feedback;
    } cases[] = { { "2026-12-03T07:44:59Z", 2, 2, 1 },
                  { "2026-12-03T07:45:00Z", 4, 8, 6 },
                  { "2026-12-03T10:00:00Z", 2, 2, 1 },
                  { "2026-12-24T10:00:00Z", 1, 1, 1 } };
    struct cli_options o = { .files = { "config/samples/exam-week.yaml" }, .format = CLI_YAML };
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    (void)state;
    o.at_ms = lp_clock_parse("2026-12-03T08:00:00Z");
    ok(render_file(&o, &images, &out, &err));
    check_golden("test/unit/golden/render_exam-week.yaml", out.ptr);
    o.format = CLI_JSON;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 20);
        json_auto_t *list = NULL;
        const json_t *item;
        size_t k;
        o.at_ms = lp_clock_parse(cases[i].at);
        ok(render_file(&o, &images, &text, &err));
        ok(lp_json_parse(text.ptr, text.len, 1 << 20, "json", &list, &err));
        json_array_foreach(json_object_get(list, "items"), k, item)
        {
            const char *name = lp_json_str(item, "metadata", "name", NULL);
            int64_t want = strcmp(name, "english-gateway") == 0       ? cases[i].gateway
                           : strcmp(name, "english-auth") == 0        ? cases[i].auth
                           : strcmp(name, "english-ai-feedback") == 0 ? cases[i].feedback
                                                                      : 1;
            if (strcmp(lp_json_str(item, "kind", NULL), "HorizontalPodAutoscaler") == 0)
                assert_int_equal(lp_json_int(0, item, "spec", "minReplicas", NULL), want);
        }
    }
}

static void both_forms_hold_the_same_objects(void **state)
{
    lp_auto_buf struct lp_buf yaml = LP_BUF_INIT(1 << 20), json = LP_BUF_INIT(1 << 20);
    json_auto_t *documents = NULL, *list = NULL;
    (void)state;
    ok(render("config/samples/smallest.yaml", CLI_YAML, &yaml, &err));
    ok(render("config/samples/smallest.yaml", CLI_JSON, &json, &err));
    ok(lp_yaml_parse(yaml.ptr, yaml.len, 1 << 20, "yaml", &documents, &err));
    ok(lp_json_parse(json.ptr, json.len, 1 << 20, "json", &list, &err));
    assert_int_equal(json_array_size(documents), 4 * 7 + 2 * 5);
    assert_true(json_equal(documents, json_object_get(list, "items")));
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static size_t count_of(const char *const *paths)
{
    json_auto_t *found = NULL;
    struct lp_error err = { .msg = "" };
    if (file_platforms(paths, "default", &found, &err) < 0)
        fail_msg("%s", err.msg);
    return json_array_size(found);
}

/* As kubectl takes them: a List, our own export among them, several -f, a folder. */
static void lists_several_files_and_folders_are_read(void **state)
{
#define ONE(name)                                                   \
    "{\"apiVersion\": \"learningplatform.io/v1alpha1\", \"kind\": " \
    "\"LearningPlatform\", \"metadata\": {\"name\": \"" name "\"}, \"spec\": {}}"
    char dir[] = "/tmp/lp-render-XXXXXX";
    assert_non_null(mkdtemp(dir));
    lp_auto_free char *list = lp_sprintf("%s/list.json", dir), *one = lp_sprintf("%s/one.yml", dir),
                      *other = lp_sprintf("%s/notes.txt", dir);
    (void)state;
    write_file(list, "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [" ONE(
                         "a") ", "
                              "{\"kind\": \"Secret\"}, " ONE("b") "]}");
    write_file(one, "kind: ConfigMap\n---\n" ONE("c"));
    write_file(other, "not YAML: [");
    assert_int_equal(count_of((const char *[]){ list, NULL }), 2);
    assert_int_equal(count_of((const char *[]){ list, one, NULL }), 3);
    assert_int_equal(count_of((const char *[]){ dir, NULL }), 3);
    unlink(list), unlink(one), unlink(other), rmdir(dir);
}

static void what_is_wrong_in_a_file_is_told(void **state)
{
#define HEAD                                                                              \
    "apiVersion: learningplatform.io/v1alpha1\nkind: LearningPlatform\nmetadata: {name: " \
    "english}\n"
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "kind: ConfigMap\n", "no LearningPlatform is in it" },
        { "apiVersion: v1\nkind: LearningPlatform\n",
          "apiVersion: must be learningplatform.io/v1alpha1, is \"v1\"" },
        { "apiVersion: learningplatform.io/v1alpha1\nkind: LearningPlatform\n",
          "metadata.name: must be set" },
        { HEAD "spec: {services: {auth: {replica: 2}}}\n", "spec.services.auth.replica" },
        { HEAD "spec: {services: {auth: {concurrency: 0}}}\n",
          "default/english: spec.services.auth.concurrency: must be 1..1024, is 0" },
        { HEAD "spec: [\n", "line" },
    };
    char path[] = "/tmp/lp-render-XXXXXX";
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
        struct lp_error err;
        write_file(path, cases[i].text);
        assert_int_equal(render(path, CLI_YAML, &out, &err), LP_E_INVALID);
        if (!strstr(err.msg, cases[i].message))
            fail_msg("wanted \"%s\", is \"%s\"", cases[i].message, err.msg);
    }
    remove(path);
}

static void why_tells_every_metric_and_condition_of_the_hpa(void **state)
{
    static const char hpa_text[] =
        "{spec: {minReplicas: 1, maxReplicas: 5, metrics: [{type: Resource, resource: {name: cpu, "
        "target: {type: Utilization, averageUtilization: 70}}}, {type: ContainerResource, "
        "containerResource: "
        "{name: memory, container: auth, target: {type: Utilization, averageUtilization: 80}}}, "
        "{type: Object, object: {metric: "
        "{name: queue_depth}, target: {type: AverageValue, averageValue: '4'}}}]}, status: "
        "{lastScaleTime: '2026-11-21T08:00:00Z', currentMetrics: [{type: ContainerResource, "
        "containerResource: {name: memory, container: auth, current: {averageUtilization: 43, "
        "averageValue: 50Mi}}}, {type: Object, object: {metric: "
        "{name: queue_depth}, current: {averageValue: '6'}}}], conditions: [{type: ScalingLimited, "
        "status: 'True', reason: TooManyReplicas, message: more than allowed}]}}";
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(4096);
    json_auto_t *documents = NULL;
    (void)state;
    ok(lp_yaml_parse(hpa_text, strlen(hpa_text), 4096, "hpa", &documents, &err));
    json_auto_t *service = lp_json_make(
        "{s:s, s:i, s:i, s:{s:s}, s:{s:s, s:i, s:s, s:i}}", "name", "auth", "ready", 4, "desired",
        5, "scaling", "why", "4 to 5: queue depth", "measured", "podsPerThousandLearners", "12.5",
        "learners", 180, "at", "2026-11-20T08:00:00Z", "startSeconds", 15);
    json_auto_t *why = why_service(service, json_array_get(documents, 0));
    why_service_text(why, &out);
    assert_string_equal(out.ptr,
                        "  auth: 5 pods, 4 ready, of 1 to 5, changed at 2026-11-21T08:00:00Z\n"
                        "    4 to 5: queue depth\n"
                        "    measured       12.5 pods for 1,000 learners, with 180 at "
                        "2026-11-20T08:00:00Z\n"
                        "    starts         15 s from a pod's creation to Ready, for 95 %\n"
                        "    cpu            no value, target 70%\n"
                        "    memory         43%, target 80%\n"
                        "    queue_depth    6 per pod, target 4 per pod\n"
                        "    ScalingLimited True, TooManyReplicas: more than allowed\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_samples_are_rendered_as_the_golden_files_say),
        cmocka_unit_test(a_platform_is_rendered_as_its_calendar_has_it_at_a_time),
        cmocka_unit_test(both_forms_hold_the_same_objects),
        cmocka_unit_test(lists_several_files_and_folders_are_read),
        cmocka_unit_test(what_is_wrong_in_a_file_is_told),
        cmocka_unit_test(why_tells_every_metric_and_condition_of_the_hpa),
    };
    return cmocka_run_group_tests_name("cli_render", tests, NULL, NULL);
}
