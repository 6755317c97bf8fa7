/*
 * Who may do what at lp-progress, with ACCESS=Owner: learners, admins, other services; and what
 * dashboards and auth ask for: summaries, export, erasure.
 */
#include <arpa/inet.h>
#include <math.h>
#include <mongoc/mongoc.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "integration/progress_fixture.h"
#include "json/json.h"
#include "service/identity.h"
#include "service/jwt.h"
#include "unit/check.h"

#define SECRET "new-secret-of-the-issuer"
#define OLD "old-secret-of-the-issuer"
#define KEY_AI "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA"
#define KEY_AUTH "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"

static int setup(void **state)
{
    static const char *const env[] = { "AUTH_JWT_SECRET=" SECRET "," OLD,
                                       "CALLER_KEY_AI_FEEDBACK=" KEY_AI,
                                       "CALLER_KEY_AUTH=" KEY_AUTH, "RETENTION_DAYS=1000", NULL };
    (void)state;
    return progress_setup(env);
}

/* ---- who asks ---- */

static char *token(const char *secret, const char *user, const char *role, const char *type)
{
    struct lp_jwt_keys *k = NULL;
    char *text = NULL;
    json_auto_t *claims = lp_json_make("{s:s, s:s, s:s, s:I}", "userId", user, "role", role, "typ",
                                       type, "exp", (json_int_t)(lp_clock_wall_ms() / 1000 + 60));
    ok(lp_jwt_keys_new(secret, &k, &err));
    ok(lp_jwt_sign(k, claims, &text, &err));
    lp_jwt_keys_free(k);
    return text;
}

static struct answer ask_as(const char *bearer, const char *method, const char *path,
                            const char *body)
{
    return program_ask(progress.port, path,
                       (struct ask){ .method = method, .bearer = bearer, .body = body });
}

static void assert_status(const char *bearer, const char *method, const char *path,
                          const char *body, int status)
{
    auto_answer struct answer a = ask_as(bearer, method, path, body);
    if (a.status != status)
        fail_msg("%s %s: %d %s", method, path, a.status, lp_json_str(a.body, "message", NULL));
}

/* The bearer token of a service, without "Authorization: Bearer ". */
static char *call_of(const char *name, const char *key)
{
    struct lp_caller *c = NULL;
    lp_auto_free char *header = NULL;
    ok(lp_caller_new(name, key, &c, &err));
    ok(lp_caller_header(c, "progress", &header, &err));
    lp_caller_free(c);
    return lp_strdup(header + strlen("Authorization: Bearer "));
}

/* Issue 12, 20; issue 15, 1. */
static void only_the_learner_and_admins_reach_a_learners_data_and_teachers_sums(void **state)
{
    static const char log[] = "{\"userId\":\"ann\",\"activityName\":\"Reading\",\"score\":80}";
    static const char *const paths[] = { LOG "/ann", DATA "/ann", "/API/Progress/ActivityLog/ann/",
                                         RECOMMENDATION "/ann", SUMMARY "/ann" };
    const size_t first_sum = 3;
    lp_auto_free char *ann = token(SECRET, "ann", "user", "access");
    lp_auto_free char *bob = token(OLD, "bob", "user", "access");
    lp_auto_free char *teacher = token(SECRET, "eve", "teacher", "access");
    lp_auto_free char *admin = token(SECRET, "root", "admin", "access");
    lp_auto_free char *refresh = token(SECRET, "ann", "user", "refresh");
    lp_auto_free char *strange = token("some-other-secret", "ann", "admin", "access");
    const struct {
        const char *bearer;
        int read, read_sums, write;
    } cases[] = { { ann, 200, 200, 201 },     { admin, 200, 200, 201 },  { bob, 403, 403, 403 },
                  { teacher, 403, 200, 403 }, { NULL, 401, 401, 401 },   { refresh, 401, 401, 401 },
                  { strange, 401, 401, 401 }, { "a.b.c", 401, 401, 401 } };
    (void)state;
    assert_status(ann, "POST", LOG, log, 201);
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        assert_status(cases[i].bearer, "POST", LOG, log, cases[i].write);
        for (size_t p = 0; p < LP_COUNT(paths); p++)
            assert_status(cases[i].bearer, "GET", paths[p], NULL,
                          p < first_sum ? cases[i].read : cases[i].read_sums);
    }
    assert_status(bob, "DELETE", DATA "/ann", NULL, 403);
    assert_status(bob, "GET", LOG "/%20ann", NULL, 403);
    assert_status(ann, "GET", LOG "/%20ann", NULL, 200);
    auto_answer struct answer a = ask_as(ann, "GET", LOG "/ann", NULL);
    assert_int_equal(json_array_size(a.body), 3); /* nobody else's were stored */
    assert_status(NULL, "GET", "/health", NULL, 200);
}

static void services_do_what_they_were_granted_for_any_learner(void **state)
{
    static const char log[] = "{\"userId\":\"kim\",\"activityName\":\"AI feedback\",\"score\":7}";
    lp_auto_free char *ai = call_of("ai-feedback", KEY_AI), *auth = call_of("auth", KEY_AUTH);
    (void)state;
    assert_status(ai, "POST", LOG, log, 201);
    assert_status(ai, "GET", LOG "/kim", NULL, 403);
    assert_status(ai, "GET", DATA "/kim", NULL, 403);
    assert_status(ai, "DELETE", DATA "/kim", NULL, 403);
    assert_status(auth, "POST", LOG, log, 403);
    assert_status(auth, "GET", LOG "/kim", NULL, 403);
    auto_answer struct answer all = ask_as(auth, "GET", DATA "/kim", NULL);
    assert_int_equal(all.status, 200);
    assert_string_equal(lp_json_str(all.body, "userId", NULL), "kim");
    assert_int_equal(json_array_size(json_object_get(all.body, "activities")), 1);
    auto_answer struct answer gone = ask_as(auth, "DELETE", DATA "/kim", NULL);
    assert_int_equal(gone.status, 200);
    assert_int_equal(lp_json_int(-1, gone.body, "deleted", NULL), 1);
}

/* ---- summary, export, erasure ---- */

/* One that was stored `days` ago, written past the program. */
static void store_aged(const char *user, const char *activity, int score, int64_t days)
{
    mongoc_client_t *client = mongoc_client_new(mongo.uri);
    mongoc_collection_t *logs = mongoc_client_get_collection(client, "test", "activitylogs");
    int64_t at = lp_clock_wall_ms() - days * 86400000;
    bson_t *d = BCON_NEW("userId", BCON_UTF8(user), "activityName", BCON_UTF8(activity), "score",
                         BCON_INT32(score), "createdAt", BCON_DATE_TIME(at), "updatedAt",
                         BCON_DATE_TIME(at), "__v", BCON_INT32(0));
    assert_true(mongoc_collection_insert_one(logs, d, NULL, NULL, NULL));
    bson_destroy(d);
    mongoc_collection_destroy(logs);
    mongoc_client_destroy(client);
}

static void log_at(const char *bearer, const char *activity, const char *score)
{
    lp_auto_free char *body = lp_sprintf("{\"userId\":\"sum\",\"activityName\":\"%s\"%s%s}",
                                         activity, score ? ",\"score\":" : "", score ? score : "");
    assert_status(bearer, "POST", LOG, body, 201);
}

static void a_summary_tells_count_mean_trend_and_last_of_each_activity(void **state)
{
    lp_auto_free char *sum = token(SECRET, "sum", "user", "access");
    (void)state;
    assert_status(sum, "GET", SUMMARY "/sum", NULL, 404);
    store_aged("sum", "Reading", 60, 2);
    store_aged("sum", "Reading", 70, 1);
    log_at(sum, "Reading", "90");
    log_at(sum, "Reading", NULL);
    log_at(sum, "Listening", "71.5");
    log_at(sum, "Listening", "\"71.5\"");
    log_at(sum, "Unscored", NULL);
    auto_answer struct answer a = ask_as(sum, "GET", SUMMARY "/sum", NULL);
    assert_int_equal(a.status, 200);
    const json_t *all = json_object_get(a.body, "activities");
    assert_int_equal(json_array_size(all), 3);
    const json_t *listening = json_array_get(all, 0), *reading = json_array_get(all, 1);
    assert_string_equal(lp_json_str(listening, "activityName", NULL), "Listening");
    assert_true(json_number_value(json_object_get(listening, "mean")) == 71.5);
    assert_true(json_is_null(json_object_get(listening, "trend")));
    assert_int_equal(lp_json_int(-1, reading, "count", NULL), 4);
    assert_int_equal(lp_json_int(-1, reading, "scored", NULL), 3);
    assert_true(fabs(json_number_value(json_object_get(reading, "mean")) - 220 / 3.0) < 1e-9);
    assert_true(fabs(json_number_value(json_object_get(reading, "trend")) - 15) < 0.1);
    assert_true(json_is_null(json_object_get(reading, "lastScore")));
    assert_true(lp_clock_wall_ms() - lp_clock_parse(lp_json_str(reading, "last", NULL)) < 60000);
    const json_t *unscored = json_array_get(all, 2);
    assert_true(json_is_null(json_object_get(unscored, "mean")));
    assert_int_equal(lp_json_int(-1, unscored, "scored", NULL), 0);
}

static void a_learners_data_are_exported_and_erased_and_nobody_elses(void **state)
{
    lp_auto_free char *leo = token(SECRET, "leo", "user", "access");
    lp_auto_free char *mia = token(SECRET, "mia", "user", "access");
    (void)state;
    for (int i = 0; i < 30; i++)
        assert_status(leo, "POST", LOG, "{\"userId\":\"leo\",\"activityName\":\"a\"}", 201);
    assert_status(mia, "POST", LOG, "{\"userId\":\"mia\",\"activityName\":\"a\"}", 201);
    auto_answer struct answer all = ask_as(leo, "GET", DATA "/leo", NULL);
    assert_int_equal(json_array_size(json_object_get(all.body, "activities")), 30);
    auto_answer struct answer gone = ask_as(leo, "DELETE", DATA "/leo", NULL);
    assert_int_equal(lp_json_int(-1, gone.body, "deleted", NULL), 30);
    auto_answer struct answer again = ask_as(leo, "DELETE", DATA "/leo", NULL);
    assert_int_equal(again.status, 200);
    assert_int_equal(lp_json_int(-1, again.body, "deleted", NULL), 0);
    assert_status(leo, "GET", LOG "/leo", NULL, 404);
    assert_status(mia, "GET", LOG "/mia", NULL, 200);
    auto_answer struct answer none = ask_as(leo, "GET", DATA "/leo", NULL);
    assert_int_equal(none.status, 200);
    assert_int_equal(json_array_size(json_object_get(none.body, "activities")), 0);
}

/* ---- long lists ---- */

/* Asks for a list and reads only its status line. */
static int dial_list(const char *bearer, const char *path, char status[16])
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)progress.port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 4096;
    lp_auto_free char *request =
        lp_sprintf("GET %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n\r\n", path, bearer);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_true(send(fd, request, strlen(request), MSG_NOSIGNAL) > 0);
    memset(status, 0, 16);
    assert_int_equal(recv(fd, status, 12, MSG_WAITALL), 12);
    return fd;
}

static void log_long(const char *bearer, const char *user, int n)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(100000);
    lp_buf_printf(&b, "{\"userId\":\"%s\",\"activityName\":\"a\",\"comment\":\"", user);
    while (b.len < 60000)
        lp_buf_char(&b, 'c');
    lp_buf_str(&b, "\"}");
    for (int i = 0; i < n; i++)
        assert_status(bearer, "POST", LOG, b.ptr, 201);
}

/* Issue 12, 16: CONCURRENCY is 8, so 4 lists are streamed at a time, 2 of one reader. The lists are
 * written before the first is read: a reader that does not read is let go after a while. */
static void readers_that_do_not_read_hold_half_of_the_workers_at_most(void **state)
{
    static const char *const users[] = { "l1", "l2", "l3" };
    static const char *const want[] = { "HTTP/1.1 200", "HTTP/1.1 200", "HTTP/1.1 429" };
    char status[16];
    int fds[8], n = 0;
    (void)state;
    for (size_t u = 0; u < LP_COUNT(users); u++) {
        lp_auto_free char *bearer = token(SECRET, users[u], "user", "access");
        log_long(bearer, users[u], 80);
    }
    for (size_t u = 0; u < LP_COUNT(users); u++) {
        lp_auto_free char *bearer = token(SECRET, users[u], "user", "access");
        lp_auto_free char *path = lp_sprintf(LOG "/%s", users[u]);
        for (int i = 0; i < (u == 2 ? 1 : 3); i++) {
            fds[n++] = dial_list(bearer, path, status);
            assert_string_equal(status, u == 2 ? "HTTP/1.1 503" : want[i]);
        }
    }
    lp_auto_free char *other = token(SECRET, "l4", "user", "access");
    for (int i = 0; i < 20; i++)
        assert_status(other, "POST", LOG, "{\"userId\":\"l4\",\"activityName\":\"a\"}", 201);
    assert_status(other, "GET", LOG "/l4", NULL, 200);
    while (n > 0)
        close(fds[--n]);
}

static void deletes_what_is_older_than_its_days_and_nothing_else(void **state)
{
    (void)state;
    lp_auto_free char *admin = token(SECRET, "root", "admin", "access");
    store_aged("aged", "older", 1, 1001);
    store_aged("aged", "younger", 2, 999);
    assert_int_equal(program_stop(&progress), 0);
    progress_start();
    program_wait(&progress, true);
    size_t left = 2;
    for (int64_t end = lp_clock_ms() + 60000; left > 1; poll(NULL, 0, 100)) {
        auto_answer struct answer a = ask_as(admin, "GET", LOG "/aged", NULL);
        assert_int_equal(a.status, 200);
        left = json_array_size(a.body);
        if (left == 1)
            assert_string_equal(lp_json_str(json_array_get(a.body, 0), "activityName", NULL),
                                "younger");
        assert_true(lp_clock_ms() < end);
    }
}

static void serves_its_openapi_document(void **state)
{
    (void)state;
    auto_answer struct answer a = ask_as(NULL, "GET", "/openapi.json", NULL);
    assert_int_equal(a.status, 200);
    assert_string_equal(lp_json_str(a.body, "openapi", NULL), "3.1.0");
}

/* Issue 12, 26; issue 15, 4. */
static void every_route_answers_503_while_the_database_is_away(void **state)
{
    static const char *const paths[] = { LOG "/ann", RECOMMENDATION "/ann", SUMMARY "/ann",
                                         DATA "/ann" };
    lp_auto_free char *ann = token(SECRET, "ann", "user", "access");
    (void)state;
    progress_mongo_kill();
    for (size_t p = 0; p < LP_COUNT(paths); p++) {
        auto_answer struct answer a = ask_as(ann, "GET", paths[p], NULL);
        assert_int_equal(a.status, 503);
        assert_int_equal(a.retry_after_ms, 1000);
    }
    assert_status(ann, "DELETE", DATA "/ann", NULL, 503);
    assert_status(ann, "POST", LOG, "{\"userId\":\"ann\",\"activityName\":\"a\"}", 503);
    progress_mongo_start();
    program_wait(&progress, true);
    auto_answer struct answer a = ask_as(ann, "GET", LOG "/ann", NULL);
    assert_int_equal(json_array_size(a.body), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_learner_and_admins_reach_a_learners_data_and_teachers_sums),
        cmocka_unit_test(services_do_what_they_were_granted_for_any_learner),
        cmocka_unit_test(a_summary_tells_count_mean_trend_and_last_of_each_activity),
        cmocka_unit_test(a_learners_data_are_exported_and_erased_and_nobody_elses),
        cmocka_unit_test(readers_that_do_not_read_hold_half_of_the_workers_at_most),
        cmocka_unit_test(deletes_what_is_older_than_its_days_and_nothing_else),
        cmocka_unit_test(serves_its_openapi_document),
        cmocka_unit_test(every_route_answers_503_while_the_database_is_away),
    };
    return cmocka_run_group_tests_name("progress_access", tests, setup, progress_teardown);
}
