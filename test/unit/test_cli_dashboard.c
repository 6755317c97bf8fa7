/* The dashboard's server: who may ask it, what it forbids, what a tab is told. */
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/dashboard/access.h"
#include "cli/dashboard/assets.h"
#include "cli/dashboard/board.h"
#include "cli/dashboard/child.h"
#include "cli/dashboard/pages.h"
#include "cli/dashboard/past.h"
#include "cli/dashboard/tabs.h"
#include "cli/dashboard/what_if.h"
#include "base/clock.h"
#include "json/json.h"
#include "unit/http_server_fixture.h"

static struct {
    struct access access;
    struct board *board;
    struct tabs *tabs;
    struct past *past;
    struct asker *what_if;
    struct pages pages;
    struct lp_http_server *server;
} d;

static const struct cli_options options = {
    .sync_ms = 15000, .ready_after_ms = 30000, .usage_delay_ms = 10000, .target_wait_ms = 250
};

static void reply(struct lp_http_exchange *x, void *user)
{
    (void)user;
    what_if_reply(x, &options);
}

static int begin(void **state)
{
    struct lp_error err;
    (void)state;

    if (access_init(&d.access, &err) < 0)
        return -1;
    d.board = board_new();
    d.tabs = tabs_new(d.board);
    d.past = past_new();
    if (asker_new(reply, NULL, "another simulation", &d.what_if, &err) < 0)
        return -1;
    d.pages = (struct pages){ &d.access, d.tabs, d.past, d.what_if, NULL };
    if (pages_start(&d.pages, 0, &d.server, &err) < 0)
        return -1;
    atomic_store(&d.access.port, lp_http_server_port(d.server));
    return 0;
}

static int end(void **state)
{
    (void)state;
    board_end(d.board);
    tabs_wait(d.tabs);
    asker_stop(d.what_if);
    lp_http_server_stop(d.server);
    tabs_free(d.tabs);
    asker_free(d.what_if);
    past_free(d.past);
    board_free(d.board);
    return 0;
}

/* A request of the page's own browser, but for `fields`; the answer replaces `reply`. Its path is
 * in the page's place, but for that which has the token or code. */
static void ask_page(const char *line, const char *fields, bool cookie, struct lp_buf *reply)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(8192);
    unsigned port = lp_http_server_port(d.server);

    int method = (int)strcspn(line, "/");
    bool front = strncmp(line + method, "/?", 2) == 0;
    lp_buf_printf(&text, "%.*s%s%s%s HTTP/1.1\r\nConnection: close\r\n%s", method, line,
                  front ? "" : "/", front ? "" : d.access.place, line + method, fields);
    if (!strstr(fields, "Host:"))
        lp_buf_printf(&text, "Host: 127.0.0.1:%u\r\n", port);
    if (cookie)
        lp_buf_printf(&text, "Cookie: a=b; lp-dashboard-%u=%s\r\n", port, d.access.token);
    lp_buf_str(&text, "\r\n");
    ask(d.server, text.ptr, reply);
}

static bool is_status(const struct lp_buf *reply, const char *status)
{
    return strncmp(reply->ptr, "HTTP/1.1 ", 9) == 0 && strncmp(reply->ptr + 9, status, 3) == 0;
}

static void the_urls_token_becomes_a_cookie_that_no_script_and_no_other_site_gets(void **state)
{
    lp_auto_buf struct lp_buf reply = LP_BUF_INIT(1 << 20);
    char line[128], place[128];
    (void)state;

    snprintf(line, sizeof line, "GET /?token=%s", d.access.token);
    ask_page(line, "", false, &reply);
    assert_true(is_status(&reply, "303"));
    snprintf(place, sizeof place, "Location: /%s/\r\n", d.access.place);
    assert_non_null(strstr(reply.ptr, place));
    snprintf(place, sizeof place, "; Path=/%s/; HttpOnly; SameSite=Strict\r\n", d.access.place);
    assert_non_null(strstr(reply.ptr, place));
    assert_non_null(strstr(reply.ptr, d.access.token));
    line[sizeof "GET /?token=" - 1] ^= 1;
    ask_page(line, "", false, &reply);
    assert_true(is_status(&reply, "403"));
    assert_null(strstr(reply.ptr, "Set-Cookie"));
}

static void the_browsers_code_is_good_once_and_for_a_minute(void **state)
{
    lp_auto_buf struct lp_buf reply = LP_BUF_INIT(1 << 20);
    char line[128];
    (void)state;

    snprintf(line, sizeof line, "GET /?code=%s", d.access.code);
    ask_page(line, "", false, &reply);
    assert_true(is_status(&reply, "403")); /* nobody opened a browser */
    assert_non_null(strstr(reply.ptr, "this code was used already, or is over a minute old"));
    access_offer_code(&d.access, lp_clock_ms());
    ask_page("GET /?code=00", "", false, &reply);
    assert_true(is_status(&reply, "403"));
    assert_null(strstr(reply.ptr, "used already"));
    ask_page(line, "", false, &reply);
    assert_true(is_status(&reply, "303"));
    assert_non_null(strstr(reply.ptr, d.access.token));
    ask_page(line, "", false, &reply);
    assert_true(is_status(&reply, "403"));
    assert_null(strstr(reply.ptr, "Set-Cookie"));
    assert_non_null(strstr(reply.ptr, "another user of this machine has it"));
    access_offer_code(&d.access, 1000);
    assert_false(access_take_code(&d.access, d.access.code, 1000 + ACCESS_CODE_MS));
    access_offer_code(&d.access, 1000);
    assert_true(access_take_code(&d.access, d.access.code, 999 + ACCESS_CODE_MS));
}

/* The terminal's input would stop it (SIGTTIN), as its group is not the terminal's. */
static void a_program_that_is_started_has_an_empty_input(void **state)
{
    char program[] = "readlink", what[] = "/proc/self/fd/0", said[64] = "";
    char *const argv[] = { program, what, NULL };
    lp_auto_fd int own = dup(STDIN_FILENO);
    int in[2], out[2];
    pid_t pid = -1;
    (void)state;

    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(dup2(in[0], STDIN_FILENO), STDIN_FILENO);
    int failed = child_start(argv, out[1], &pid);
    if (own >= 0)
        dup2(own, STDIN_FILENO);
    assert_int_equal(failed, 0);
    close(out[1]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(read(out[0], said, sizeof said - 1) > 0);
    assert_string_equal(said, "/dev/null\n");
    close(out[0]);
    close(in[0]);
    close(in[1]);
}

static void without_the_cookie_nothing_is_answered(void **state)
{
    static const char *const paths[] = { "GET /", "GET /app.js", "GET /api/past?platform=a/b",
                                         "GET /api/events", "POST /api/events" };
    lp_auto_buf struct lp_buf reply = LP_BUF_INIT(1 << 20);
    char cookie[160];
    (void)state;

    snprintf(cookie, sizeof cookie, "Cookie: lp-dashboard-1=%s\r\n", d.access.token);
    for (size_t i = 0; i < LP_COUNT(paths); i++) {
        ask_page(paths[i], "", false, &reply);
        assert_true(is_status(&reply, "403"));
        ask_page(paths[i], cookie, false, &reply);
        assert_true(is_status(&reply, "403"));
    }
}

/* The cookie is for our place alone, and so is what is answered. */
static void outside_of_its_place_nothing_is_answered(void **state)
{
    static const char *const paths[] = { "/", "/app.js", "/api/past?platform=a/b", "//app.js" };
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(8192), reply = LP_BUF_INIT(1 << 20);
    unsigned port = lp_http_server_port(d.server);
    (void)state;

    for (size_t i = 0; i < LP_COUNT(paths); i++) {
        lp_buf_reset(&text);
        lp_buf_printf(&text,
                      "GET %s HTTP/1.1\r\nConnection: close\r\nHost: 127.0.0.1:%u\r\n"
                      "Cookie: lp-dashboard-%u=%s\r\n\r\n",
                      paths[i], port, port, d.access.token);
        ask(d.server, text.ptr, &reply);
        assert_true(is_status(&reply, "403"));
        assert_null(strstr(reply.ptr, d.access.place));
    }
}

static void a_host_or_an_origin_that_is_not_ours_is_refused(void **state)
{
    static const char *const wrong[] = { "Host: evil.example\r\n",
                                         "Host: 127.0.0.1\r\n",
                                         "Host: 127.0.0.1.evil.example:1\r\n",
                                         "Origin: http://evil.example\r\n",
                                         "Origin: null\r\n",
                                         "Sec-Fetch-Site: cross-site\r\n",
                                         "Sec-Fetch-Site: same-site\r\n" };
    lp_auto_buf struct lp_buf reply = LP_BUF_INIT(1 << 20);
    char right[128];
    unsigned port = lp_http_server_port(d.server);
    (void)state;

    for (size_t i = 0; i < LP_COUNT(wrong); i++) {
        ask_page("GET /", wrong[i], true, &reply);
        assert_true(is_status(&reply, "403"));
    }
    snprintf(right, sizeof right,
             "Host: localhost:%u\r\nOrigin: http://localhost:%u\r\nSec-Fetch-Site: same-origin\r\n",
             port, port);
    ask_page("GET /", right, true, &reply);
    assert_true(is_status(&reply, "200"));
}

static void every_answer_forbids_scripts_frames_and_places_that_are_not_ours(void **state)
{
    static const char *const paths[] = { "GET /", "GET /nowhere", "DELETE /" };
    static const char *const statuses[] = { "200", "404", "405" };
    lp_auto_buf struct lp_buf reply = LP_BUF_INIT(1 << 20);
    (void)state;

    for (size_t i = 0; i < LP_COUNT(paths); i++) {
        ask_page(paths[i], "", true, &reply);
        assert_true(is_status(&reply, statuses[i]));
        assert_non_null(strstr(reply.ptr, "default-src 'none'; script-src 'self'; "));
        assert_null(strstr(reply.ptr, "unsafe"));
        assert_non_null(strstr(reply.ptr, "frame-ancestors 'none'"));
        assert_non_null(strstr(reply.ptr, "X-Content-Type-Options: nosniff\r\n"));
        assert_non_null(strstr(reply.ptr, "Cache-Control: no-store\r\n"));
    }
}

static void all_that_the_page_loads_is_in_the_program_and_small(void **state)
{
    static const char *const paths[] = { "/",         "/theme.js", "/base.js",   "/charts.js",
                                         "/views.js", "/app.js",   "/whatif.js", "/app.css",
                                         "/icon.svg", "/uplot.js", "/uplot.css" };
    struct asset asset;
    size_t all = 0;
    (void)state;

    for (size_t i = 0; i < LP_COUNT(paths); i++) {
        assert_true(asset_find(paths[i], &asset));
        assert_true(asset.len > 100);
        all += asset.len;
        assert_null(strstr(asset.text, "innerHTML"));
        assert_null(strstr(asset.text, "src=\"http"));
    }
    assert_true(all < 300000);
    assert_false(asset_find("/../app.js", &asset));
    assert_true(asset_find("/", &asset));
    assert_null(strstr(asset.text, "style="));
    assert_null(strstr(asset.text, "onclick"));
}

static void put(const char *key, const char *text)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(1000);
    lp_buf_str(&b, text);
    board_put(d.board, key, &b);
}

/* A tab's stream, open; its socket is the caller's. */
static int open_tab(const char *query)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(8192);
    unsigned port = lp_http_server_port(d.server);
    int fd = dial(d.server);

    lp_buf_printf(&text,
                  "GET /%s/api/events?%s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
                  "Cookie: lp-dashboard-%u=%s\r\n\r\n",
                  d.access.place, query, port, port, d.access.token);
    assert_int_equal(send(fd, text.ptr, text.len, MSG_NOSIGNAL), (ssize_t)text.len);
    return fd;
}

static void a_tab_is_told_what_is_new_of_all_and_of_its_platform(void **state)
{
    lp_auto_buf struct lp_buf reply = LP_BUF_INIT(1 << 20);
    (void)state;

    put(NULL, "{\"n\":1}");
    lp_auto_fd int fd = open_tab("tab=a&platform=learning/english");
    read_reply(fd, "event: overview\ndata: {\"n\":1}\n\n", &reply);
    assert_non_null(strstr(reply.ptr, "Content-Type: text/event-stream\r\n"));
    put("learning/spanish", "{\"other\":1}");
    put("learning/english", "{\"mine\":1}");
    read_reply(fd, "event: platform\ndata: {\"mine\":1}\n\n", &reply);
    assert_null(strstr(reply.ptr, "other"));
    put(NULL, "{\"n\":1}"); /* the same once more is not new */
    put(NULL, "{\"n\":2}");
    lp_buf_reset(&reply);
    read_reply(fd, "{\"n\":2}\n\n", &reply);
    assert_non_null(strstr(reply.ptr, "event: overview\ndata: {\"n\":2}\n\n"));
    assert_null(strstr(reply.ptr, "{\"n\":1}"));
}

static void a_stream_of_the_same_tab_ends_the_one_before(void **state)
{
    lp_auto_buf struct lp_buf reply = LP_BUF_INIT(1 << 20), again = LP_BUF_INIT(1 << 20);
    (void)state;

    put(NULL, "{}");
    lp_auto_fd int before = open_tab("tab=b&platform=learning/english");
    read_reply(before, "data: {}\n\n", &reply);
    lp_auto_fd int after = open_tab("tab=b&platform=learning/spanish");
    read_reply(before, "\r\n0\r\n\r\n", &reply); /* the last chunk */
    assert_non_null(strstr(reply.ptr, "\r\n0\r\n\r\n"));
    read_reply(after, "data: {}\n\n", &again);
    assert_true(is_status(&again, "200"));
}

/* As many as there may be, named "0" and so on. */
static void open_all_tabs(int ret_tabs[TABS_MOST])
{
    char query[64];

    put(NULL, "{}");
    for (size_t i = 0; i < TABS_MOST; i++) {
        lp_auto_buf struct lp_buf reply = LP_BUF_INIT(1 << 20);
        snprintf(query, sizeof query, "tab=%zu&platform=learning/english", i);
        ret_tabs[i] = open_tab(query);
        read_reply(ret_tabs[i], "data: {}\n\n", &reply);
        assert_true(is_status(&reply, "200"));
    }
}

static void one_tab_too_many_is_asked_to_wait(void **state)
{
    lp_auto_buf struct lp_buf one_more = LP_BUF_INIT(1 << 20), same = LP_BUF_INIT(1 << 20);
    int tabs[TABS_MOST];
    (void)state;

    open_all_tabs(tabs);
    lp_auto_fd int refused = open_tab("tab=");
    read_reply(refused, "}", &one_more);
    assert_true(is_status(&one_more, "503"));
    assert_non_null(strstr(one_more.ptr, "5 tabs at most"));
    lp_auto_fd int moved = open_tab("tab=0&platform=learning/spanish"); /* one of them */
    read_reply(moved, "}", &same);
    assert_true(is_status(&same, "200"));
    for (size_t i = 0; i < TABS_MOST; i++)
        close(tabs[i]);
}

static void a_platform_must_be_a_namespace_and_a_name(void **state)
{
    static const char *const wrong[] = { "english", "/english", "learning/", "%ff/english",
                                         "learning/%c3" };
    lp_auto_buf struct lp_buf reply = LP_BUF_INIT(1 << 20);
    char line[64];
    (void)state;

    for (size_t i = 0; i < LP_COUNT(wrong); i++) {
        snprintf(line, sizeof line, "GET /api/past?platform=%s", wrong[i]);
        ask_page(line, "", true, &reply);
        assert_true(is_status(&reply, "400"));
    }
}

static void the_past_of_a_platform_is_told_with_gaps_where_nothing_was_known(void **state)
{
    lp_auto_buf struct lp_buf reply = LP_BUF_INIT(1 << 20);
    json_auto_t *one = lp_json_make("{s:i, s:i, s:n}", "ready", 2, "desired", 3, "queue");
    (void)state;

    past_add(d.past, "learning/english/auth", 1500, false, one);
    past_add(d.past, "learning/english-2/auth", 1500, false, one);
    ask_page("GET /api/past?platform=learning/english", "", true, &reply);
    assert_non_null(strstr(reply.ptr, "{\"auth\":{\"time\":["));
    assert_non_null(strstr(reply.ptr, "],\"ready\":[2],\"desired\":[3],\"queue\":[null],"));
    assert_null(strstr(reply.ptr, ",\"auth\""));
}

/* Posts a question; the answer replaces `reply`. */
static void post(const char *question, struct lp_buf *reply)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 20);
    unsigned port = lp_http_server_port(d.server);

    lp_buf_printf(&text,
                  "POST /%s/api/what-if HTTP/1.1\r\nConnection: close\r\nHost: 127.0.0.1:%u\r\n"
                  "Cookie: lp-dashboard-%u=%s\r\nContent-Length: %zu\r\n\r\n%s",
                  d.access.place, port, port, d.access.token, strlen(question), question);
    ask(d.server, text.ptr, reply);
}

#define QUESTION(changed_, rest_)                                                        \
    "{\"namespace\":\"learning\",\"name\":\"english\",\"spec\":{},\"changed\":" changed_ \
    ",\"service\":\"auth\"," rest_ "}"
#define CSV "\"csv\":\"time,queue_depth\\n0,1\\n60,40\\n600,40\\n\""

static void a_change_is_simulated_beside_what_is_there(void **state)
{
    lp_auto_buf struct lp_buf reply = LP_BUF_INIT(1 << 20);
    json_auto_t *o = NULL;
    (void)state;

    post(QUESTION("{\"services\":{\"auth\":{\"autoscaling\":{\"maxReplicas\":3}}}}", CSV), &reply);
    assert_true(is_status(&reply, "200"));
    const char *body = strstr(reply.ptr, "\r\n\r\n") + 4;
    ok(lp_json_parse(body, strlen(body), 1 << 20, "answer", &o, &err));
    assert_int_equal(lp_json_int(0, o, "before", "most", NULL), 10);
    assert_int_equal(lp_json_int(0, o, "after", "most", NULL), 3);
    assert_int_equal(lp_json_int(0, o, "after", "targetWaitMs", NULL), options.target_wait_ms);
    assert_true(json_array_size(lp_json_at(o, "after", "pods", NULL)) > 10);
    assert_int_equal(json_array_size(lp_json_at(o, "after", "pods", NULL)),
                     json_array_size(lp_json_at(o, "after", "time", NULL)));
}

static void a_question_that_cannot_be_answered_says_why(void **state)
{
    static const struct {
        const char *question, *status, *why;
    } wrong[] = {
        { "no", "400", "question" },
        { "{}", "400", "service: must be gateway, auth, ai-feedback or progress" },
        { QUESTION("{}", "\"decisions\":[]"), "400", "at two moments or more" },
        { QUESTION("{}", "\"csv\":\"nonsense\""), "400", "the dropped trace: " },
        { QUESTION("{\"services\":{\"auth\":{\"autoscaling\":{\"maxReplicas\":-1}}}}", CSV), "400",
          "maxReplicas" },
    };
    lp_auto_buf struct lp_buf reply = LP_BUF_INIT(1 << 20);
    (void)state;

    for (size_t i = 0; i < LP_COUNT(wrong); i++) {
        post(wrong[i].question, &reply);
        assert_true(is_status(&reply, wrong[i].status));
        assert_non_null(strstr(reply.ptr, wrong[i].why));
    }
}

static void a_trace_of_a_hundred_megabytes_is_refused_before_it_is_read(void **state)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(8192), reply = LP_BUF_INIT(1 << 20);
    unsigned port = lp_http_server_port(d.server);
    (void)state;

    lp_buf_printf(&text,
                  "POST /%s/api/what-if HTTP/1.1\r\nConnection: close\r\nHost: 127.0.0.1:%u\r\n"
                  "Cookie: lp-dashboard-%u=%s\r\nContent-Length: 104857600\r\n\r\n",
                  d.access.place, port, port, d.access.token);
    ask(d.server, text.ptr, &reply);
    assert_true(is_status(&reply, "413"));
}

int main(void)
{
    lp_json_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            the_urls_token_becomes_a_cookie_that_no_script_and_no_other_site_gets, begin, end),
        cmocka_unit_test_setup_teardown(the_browsers_code_is_good_once_and_for_a_minute, begin,
                                        end),
        cmocka_unit_test_setup_teardown(without_the_cookie_nothing_is_answered, begin, end),
        cmocka_unit_test_setup_teardown(outside_of_its_place_nothing_is_answered, begin, end),
        cmocka_unit_test_setup_teardown(a_host_or_an_origin_that_is_not_ours_is_refused, begin,
                                        end),
        cmocka_unit_test_setup_teardown(
            every_answer_forbids_scripts_frames_and_places_that_are_not_ours, begin, end),
        cmocka_unit_test(a_program_that_is_started_has_an_empty_input),
        cmocka_unit_test(all_that_the_page_loads_is_in_the_program_and_small),
        cmocka_unit_test_setup_teardown(a_tab_is_told_what_is_new_of_all_and_of_its_platform, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_stream_of_the_same_tab_ends_the_one_before, begin, end),
        cmocka_unit_test_setup_teardown(one_tab_too_many_is_asked_to_wait, begin, end),
        cmocka_unit_test_setup_teardown(a_platform_must_be_a_namespace_and_a_name, begin, end),
        cmocka_unit_test_setup_teardown(
            the_past_of_a_platform_is_told_with_gaps_where_nothing_was_known, begin, end),
        cmocka_unit_test_setup_teardown(a_change_is_simulated_beside_what_is_there, begin, end),
        cmocka_unit_test_setup_teardown(a_question_that_cannot_be_answered_says_why, begin, end),
        cmocka_unit_test_setup_teardown(a_trace_of_a_hundred_megabytes_is_refused_before_it_is_read,
                                        begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
