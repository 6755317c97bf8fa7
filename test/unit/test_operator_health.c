/* test/unit/test_operator_health.c -- the operator's own port: probes, /debug/stats and HTTPS. */
#include "service/probes.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "autoscaler/registration/certs.h"
#include "base/clock.h"
#include "http/client/client.h"
#include "json/json.h"
#include "operator/stats.h"
#include "unit/check.h"

/* The status of a GET; the body, the caller's, where it is JSON. `ca` NULL: plain. */
static int ask(const char *host, const struct lp_probes *h, const char *path, const char *ca,
               json_t **ret_body)
{
    lp_auto_http_client struct lp_http_client *c = NULL;
    lp_auto_http_response struct lp_http_response answer = LP_HTTP_RESPONSE_INIT;
    lp_auto_free char *peer = lp_sprintf("%s:%u", host, lp_probes_port(h));
    lp_auto_free char *url =
        ca ? lp_sprintf("https://lp-metrics%s", path) : lp_sprintf("http://%s%s", peer, path);
    struct lp_http_client_options options = { .ca_pem = ca, .connect_to = ca ? peer : NULL };
    struct lp_http_request request = { .method = "GET", .url = url };
    struct lp_error why;

    ok(lp_http_client_new(&options, &c, &err));
    if (lp_http_do(c, &request, &answer, &why) < 0)
        return 0;
    if (ret_body)
        ok(lp_json_parse(answer.body.ptr, answer.body.len, 1 << 20, path, ret_body, &err));
    return answer.status;
}

static json_t *stats(void *user)
{
    (void)user;
    return stats_of_process();
}

/* An address of this machine that is not the loopback; false where it has none. */
static bool outer_address(char ret_text[INET_ADDRSTRLEN])
{
    struct ifaddrs *all = NULL;
    bool found = false;

    assert_int_equal(getifaddrs(&all), 0);
    for (struct ifaddrs *a = all; a && !found; a = a->ifa_next) {
        if (!a->ifa_addr || a->ifa_addr->sa_family != AF_INET)
            continue;
        struct sockaddr_in in;
        memcpy(&in, a->ifa_addr, sizeof in);
        found = (ntohl(in.sin_addr.s_addr) >> 24) != 127;
        inet_ntop(AF_INET, &in.sin_addr, ret_text, INET_ADDRSTRLEN);
    }
    freeifaddrs(all);
    return found;
}

static void the_statistics_are_for_the_loopback_alone(void **state)
{
    char outside[INET_ADDRSTRLEN];
    struct lp_probes_options options = { .port = 0 };
    struct lp_probes *h = NULL;
    json_auto_t *body = NULL;
    (void)state;
    ok(lp_probes_start(&options, &h, &err));
    assert_int_equal(ask("127.0.0.1", h, "/debug/stats", NULL, NULL), 404);
    lp_probes_debug(h, stats, NULL);
    assert_int_equal(ask("127.0.0.1", h, "/debug/stats", NULL, &body), 200);
    assert_int_equal(ask("127.0.0.1", h, "/debug/nothing", NULL, NULL), 404);
    if (outer_address(outside)) {
        assert_int_equal(ask(outside, h, "/metrics", NULL, NULL), 200);
        assert_int_equal(ask(outside, h, "/debug/stats", NULL, NULL), 404);
    }
    lp_probes_stop(h);
}

static bool write_list(void *user, struct lp_buf *out)
{
    lp_buf_str(out, "[1]");
    return *(const bool *)user;
}

/* A Prometheus keeps the last list where it is answered anything but 200. */
static void the_page_of_a_program_is_for_everybody_once_it_is_known(void **state)
{
    struct lp_probes_options options = { .port = 0 };
    struct lp_probes *h = NULL;
    json_auto_t *body = NULL;
    bool known = false;
    (void)state;
    ok(lp_probes_start(&options, &h, &err));
    assert_int_equal(ask("127.0.0.1", h, "/targets", NULL, NULL), 404);
    lp_probes_page(h, "/targets", write_list, &known);
    assert_int_equal(ask("127.0.0.1", h, "/targets", NULL, NULL), 503);
    known = true;
    assert_int_equal(ask("127.0.0.1", h, "/targets", NULL, &body), 200);
    assert_int_equal(json_array_size(body), 1);
    assert_int_equal(ask("127.0.0.1", h, "/target", NULL, NULL), 404);
    lp_probes_stop(h);
}

static void they_tell_of_memory_files_and_threads(void **state)
{
    json_auto_t *s = stats_of_process();
    int64_t resident = lp_json_int(0, s, "process", "residentBytes", NULL);
    (void)state;
    assert_true(resident > 4096);
    assert_true(lp_json_int(0, s, "process", "anonymousBytes", NULL) <= resident);
    assert_true(lp_json_int(0, s, "process", "residentPeakBytes", NULL) >= resident);
    assert_true(lp_json_int(0, s, "process", "openFiles", NULL) >= 3);
    assert_true(lp_json_int(-1, s, "process", "uptimeSeconds", NULL) >= 0);
    assert_true(lp_json_int(-1, s, "heap", "allocatedBytes", NULL) >= 0);
    const json_t *threads = json_object_get(s, "threads");
    assert_true(json_array_size(threads) >= 1);
    assert_string_equal(lp_json_str(json_array_get(threads, 0), "name", NULL), "test_operator_h");
}

static bool fails(void *user, char why[128])
{
    (void)user;
    snprintf(why, 128, "the list of pods is not there yet");
    return false;
}

static void a_probe_names_the_check_that_fails_and_why(void **state)
{
    struct lp_probes_options options = { .port = 0 };
    struct lp_probes_check watches = { "watches", false, fails, NULL };
    struct lp_probes *h = NULL;
    json_auto_t *ready = NULL, *live = NULL;
    (void)state;
    ok(lp_probes_start(&options, &h, &err));
    lp_probes_add(h, &watches);
    assert_int_equal(ask("127.0.0.1", h, "/readyz", NULL, &ready), 503);
    assert_string_equal(lp_json_str(ready, "checks", "watches", NULL),
                        "the list of pods is not there yet");
    assert_int_equal(ask("127.0.0.1", h, "/livez", NULL, &live), 200);
    lp_probes_stop(h);
}

static void write_file(const char *dir, const char *name, const char *text)
{
    lp_auto_free char *path = lp_sprintf("%s/%s", dir, name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void write_pair(const char *dir, struct certs *c)
{
    const struct certs_wish names = { .service = "lp-metrics", .ns = "learning-platform-system" };
    ok(certs_make(&names, lp_clock_wall_ms() / 1000, c, &err));
    write_file(dir, "tls.crt", c->cert);
    write_file(dir, "tls.key", c->key);
}

static void https_takes_over_a_certificate_that_is_replaced(void **state)
{
    char dir[] = "/tmp/lp-test-health-XXXXXX";
    auto_certs struct certs first = { 0 }, second = { 0 };
    struct lp_error why;
    struct lp_probes *h = NULL;
    (void)state;
    assert_non_null(mkdtemp(dir));
    struct lp_probes_options options = { .port = 0, .tls_dir = dir };
    assert_true(lp_probes_start(&options, &h, &why) < 0);
    assert_non_null(strstr(why.msg, "tls.crt"));
    write_pair(dir, &first);
    ok(lp_probes_start(&options, &h, &err));
    assert_int_equal(ask("127.0.0.1", h, "/metrics", NULL, NULL), 0);
    assert_int_equal(ask("127.0.0.1", h, "/metrics", first.ca, NULL), 200);
    write_file(dir, "tls.crt", "-----BEGIN NOTHING-----\n");
    lp_probes_upkeep(h);
    assert_int_equal(ask("127.0.0.1", h, "/metrics", first.ca, NULL), 200);
    write_pair(dir, &second);
    lp_probes_upkeep(h);
    assert_int_equal(ask("127.0.0.1", h, "/metrics", first.ca, NULL), 0);
    assert_int_equal(ask("127.0.0.1", h, "/metrics", second.ca, NULL), 200);
    lp_probes_stop(h);
    lp_auto_free char *crt = lp_sprintf("%s/tls.crt", dir), *key = lp_sprintf("%s/tls.key", dir);
    remove(crt), remove(key), remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_tell_of_memory_files_and_threads),
        cmocka_unit_test(the_statistics_are_for_the_loopback_alone),
        cmocka_unit_test(the_page_of_a_program_is_for_everybody_once_it_is_known),
        cmocka_unit_test(a_probe_names_the_check_that_fails_and_why),
        cmocka_unit_test(https_takes_over_a_certificate_that_is_replaced),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("operator_health", tests, NULL, NULL);
}
