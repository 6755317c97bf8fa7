/* test/unit/test_cli_complete.c -- what a shell is offered, with a scripted API server. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/complete.h"
#include "fake/fake_kube.h"
#include "json/json.h"
#include "unit/check.h"

#define PLATFORM                                                                   \
    "{\"metadata\":{\"name\":\"english\",\"namespace\":\"learning\"},\"status\":{" \
    "\"phase\":\"Ready\",\"services\":[{\"name\":\"gateway\"},{\"name\":\"exams\"}]}}"
#define COLLECTION "/apis/learningplatform.io/v1alpha1/namespaces/learning/learningplatforms"

static const struct fake_answer answers[] = {
    { .match = "GET " COLLECTION "/english", .status = 200, .body = PLATFORM },
    { .match = "GET " COLLECTION,
      .status = 200,
      .body = "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[" PLATFORM "]}" },
    { .match = "GET /api/v1/namespaces",
      .status = 200,
      .body = "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{\"metadata\":{\"name\":"
              "\"learning\"}},{\"metadata\":{\"name\":\"other\"}}]}" },
    FAKE_END
};

static char *complete(int n, const char *const *words)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    char *copy[16];

    for (int i = 0; i < n; i++)
        copy[i] = (char *)words[i];
    struct lp_stop *stop = lp_stop_new();
    complete_words(n, copy, stop, &out);
    lp_stop_free(stop);
    return lp_buf_take(&out);
}

#define OFFERS(text, ...)                                                  \
    do {                                                                   \
        const char *const words_[] = { __VA_ARGS__ };                      \
        lp_auto_free char *got_ = complete((int)LP_COUNT(words_), words_); \
        assert_string_equal(got_, (text));                                 \
    } while (0)

static void words_of_the_tables_need_no_cluster(void **state)
{
    (void)state;
    OFFERS("render\tthe objects that the operator makes of a platform, without a cluster\n"
           "record\tthe load of a platform in the last day, or each look of an HPA from now on\n"
           "report\tplatform, objects, events and the operator's logs, for a bug report\n:4\n",
           "re");
    OFFERS(":4\n", "explode", "");
    OFFERS("bash\nzsh\nfish\n:4\n", "completion", "");
    OFFERS("json\n:4\n", "why", "-o", "j");
    OFFERS("-o=json\n:4\n", "why", "-o=j");
    OFFERS("--shape=flat\n:4\n", "load", "--shape=f");
    OFFERS("--trace\tthe load; \"-\": standard input\n--target-wait\ta minute is over it where 5 % "
           "of its requests wait longer (0.25)\n:4\n",
           "simulate", "--t");
    OFFERS("auth\nai-feedback\n:4\n", "simulate", "--service", "a");
    OFFERS(":0\n", "render", "-f", "");
    OFFERS(":0\n", "simulate", "--trace=lo");
}

static void names_come_from_the_cluster_that_the_words_choose(void **state)
{
    struct fake_kube *f = fake_kube_start(answers);
    const char *url = fake_kube_url(f);
    (void)state;
    OFFERS("english\tReady\n:4\n", "-s", url, "why", "-n", "learning", "");
    OFFERS(":4\n", "-s", url, "why", "-n", "learning", "x");
    OFFERS("gateway\tenglish\nexams\tenglish\n:4\n", "-s", url, "why", "-nlearning", "english", "");
    OFFERS("--service=exams\tenglish\n:4\n", "-s", url, "record", "-n", "learning", "--service=e");
    OFFERS("learning\nother\n:4\n", "-s", url, "status", "-n", "");
    OFFERS(":4\n", "-s", url, "status", "-n", "learning", "english", "");
    fake_kube_stop(f);
}

static void a_cluster_that_refuses_offers_no_platform_and_the_four_services(void **state)
{
    static const struct fake_answer none[] = { FAKE_END };
    struct fake_kube *f = fake_kube_start(none);
    const char *url = fake_kube_url(f);
    (void)state;
    OFFERS(":4\n", "-s", url, "why", "-n", "learning", "");
    OFFERS("gateway\n:4\n", "-s", url, "why", "-n", "learning", "english", "g");
    fake_kube_stop(f);
}

static void contexts_are_those_of_the_kubeconfig(void **state)
{
    char path[] = "/tmp/lp-complete-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    (void)state;
    assert_non_null(file);
    fputs("contexts: [{name: kind-a}, {name: prod}]\nclusters: [{name: c}]\n", file);
    fclose(file);
    OFFERS("prod\n:4\n", "--kubeconfig", path, "status", "--context", "p");
    OFFERS("c\n:4\n", "--kubeconfig", path, "status", "--cluster", "");
    remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_the_tables_need_no_cluster),
        cmocka_unit_test(names_come_from_the_cluster_that_the_words_choose),
        cmocka_unit_test(a_cluster_that_refuses_offers_no_platform_and_the_four_services),
        cmocka_unit_test(contexts_are_those_of_the_kubeconfig),
    };
    lp_json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
