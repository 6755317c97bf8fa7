/* The documents of discovery under threads. What is in them: test_autoscaler_query.c and
 * _record.c. */
#include "unit/check.h"

#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "autoscaler/api/discovery.h"
#include "json/json.h"

#define PROCESSES 40

static pthread_barrier_t begin;

static void *ask(void *user)
{
    (void)user;
    pthread_barrier_wait(&begin);
    discovery_unref(discovery_current());
    return NULL;
}

/* In a process that has served nothing yet: 0 where the list that came is shown. */
static int list_comes_with_the_first_request(void)
{
    json_auto_t *list =
        lp_json_make("[{s:s, s:s, s:b, s:s, s:[s]}]", "name", "pods/requests", "singularName", "",
                     "namespaced", 1, "kind", "MetricValueList", "verbs", "get");
    pthread_t asker;
    size_t left_out;

    pthread_barrier_init(&begin, NULL, 2);
    if (pthread_create(&asker, NULL, ask, NULL) != 0)
        return 2;
    pthread_barrier_wait(&begin);
    discovery_use((json_t *const[]){ list, list }, &left_out);
    pthread_join(asker, NULL);
    struct discovery *d = discovery_current();
    bool shown = strstr(discovery_resources(d, METRICS_V1BETA2), "pods/requests") != NULL;
    discovery_unref(d);
    return shown ? 0 : 1;
}

static void the_first_request_does_not_undo_a_list_that_comes_meanwhile(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PROCESSES; i++) {
        int status = -1;
        pid_t child = fork();
        if (child == 0)
            _exit(list_comes_with_the_first_request());
        assert_true(child > 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_request_does_not_undo_a_list_that_comes_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
