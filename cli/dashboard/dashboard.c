/* cli/dashboard/dashboard.c -- the command: reader, server, browser, until interrupted. */
#include "cli/dashboard/dashboard.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "cli/dashboard/child.h"
#include "cli/dashboard/pages.h"
#include "cli/dashboard/reader.h"
#include "cli/dashboard/teaching.h"
#include "cli/dashboard/what_if.h"
#include "json/json.h"

#define DAY_MS INT64_C(86400000)

/* The desktop's way. A shell starts it and ends at once: nobody has to wait for the browser. */
static void open_browser(const char *url)
{
    lp_auto_free char *own = lp_strdup(url);
    char shell[] = "sh", option[] = "-c", script[] = "xdg-open \"$1\" &";
    char *const argv[] = { shell, option, script, shell, own, NULL };
    pid_t pid;

    if (child_start(argv, -1, &pid) == 0)
        waitpid(pid, NULL, 0);
}

/* The browser gets a code in place of the token, as other users see the arguments of a program. */
static void announce(struct access *access, const struct cli_options *options)
{
    unsigned port = atomic_load(&access->port);

    printf("http://127.0.0.1:%u/?token=%s\n", port, access->token);
    fflush(stdout);
    if (options->no_open || !options->desktop)
        return;
    lp_auto_free char *url = lp_sprintf("http://127.0.0.1:%u/?code=%s", port, access->code);
    access_offer_code(access, lp_clock_ms());
    open_browser(url);
}

/* What the answers to the page's questions need. */
struct questions {
    const struct cli_options *options;
    struct lp_stop *stop;
};

static void reply_what_if(struct lp_http_exchange *x, void *user)
{
    const struct questions *q = user;

    what_if_reply(x, q->options);
}

static void reply_teaching(struct lp_http_exchange *x, void *user)
{
    const struct questions *q = user;
    json_t *answer = NULL;
    struct lp_error err;
    size_t len = 0;
    const char *body = lp_http_body(x, &len);

    if (teaching_answer(body, len, q->options, q->stop, &answer, &err) == 0)
        lp_http_reply_json(x, 200, answer);
    else
        lp_http_reply_json(x, 400, lp_json_make("{s:s}", "error", err.msg));
}

/* The parts that tabs, reader and server share. */
struct parts {
    struct access access;
    struct board *board;
    struct tabs *tabs;
    struct past *past;
    struct questions questions;
    struct asker *what_if, *teaching;
    struct reader *reader;
    struct pages pages; /* as long as the server */
    struct lp_http_server *server;
};

/* In the order that lets each end: nothing new, tabs, server, reader. */
static void parts_done(struct parts *p)
{
    if (p->board)
        board_end(p->board);
    if (p->server)
        lp_http_server_quiesce(p->server);
    if (p->tabs)
        tabs_wait(p->tabs);
    asker_stop(p->what_if);
    asker_stop(p->teaching);
    if (p->server)
        lp_http_server_stop(p->server);
    tabs_free(p->tabs);
    asker_free(p->what_if);
    asker_free(p->teaching);
    reader_free(p->reader);
    past_free(p->past);
    board_free(p->board);
}

int dashboard_serve(const struct connection *connection, const struct cli_options *options,
                    struct lp_stop *stop, struct lp_error *err)
{
    struct parts p __attribute__((cleanup(parts_done))) = { .board = NULL };

    int r = access_init(&p.access, err);
    if (r < 0)
        return r;
    p.board = board_new();
    p.tabs = tabs_new(p.board);
    p.past = past_new();
    p.questions = (struct questions){ options, stop };
    r = asker_new(reply_what_if, &p.questions, "another simulation", &p.what_if, err);
    if (r == 0)
        r = asker_new(reply_teaching, &p.questions, "another look at what learners do", &p.teaching,
                      err);
    p.pages = (struct pages){ &p.access, p.tabs, p.past, p.what_if, p.teaching };
    if (r == 0)
        r = pages_start(&p.pages, (uint16_t)(options->port / 1000), &p.server, err);
    if (r == 0)
        r = reader_new(connection, options, p.board, p.past, stop, &p.reader, err);
    if (r < 0)
        return r;
    atomic_store(&p.access.port, lp_http_server_port(p.server));
    announce(&p.access, options);
    while (!lp_stop_wait(stop, DAY_MS))
        continue;
    return 0;
}
