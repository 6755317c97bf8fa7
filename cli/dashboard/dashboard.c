/* cli/dashboard/dashboard.c -- the command: reader, server, browser, until interrupted. */
#include "cli/dashboard/dashboard.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "cli/dashboard/pages.h"
#include "cli/dashboard/reader.h"

extern char **environ;

#define DAY_MS INT64_C(86400000)

/* In a process group of its own, so that Ctrl-C here does not end a browser; nothing is blocked
 * there, and SIGPIPE is deadly again. */
static int spawn_quietly(char *const *argv, pid_t *ret_pid)
{
    posix_spawn_file_actions_t quiet;
    posix_spawnattr_t attributes;
    sigset_t none, pipe_only;

    sigemptyset(&none);
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, (short)(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                  POSIX_SPAWN_SETSIGDEF));
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &pipe_only);
    int r = posix_spawnp(ret_pid, argv[0], &quiet, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&quiet);
    return r;
}

/* The desktop's way. A shell starts it and ends at once: nobody has to wait for the browser. */
static void open_browser(const char *url)
{
    lp_auto_free char *own = lp_strdup(url);
    char shell[] = "sh", option[] = "-c", script[] = "xdg-open \"$1\" &";
    char *const argv[] = { shell, option, script, shell, own, NULL };
    pid_t pid;

    if (spawn_quietly(argv, &pid) == 0)
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

/* The parts that tabs, reader and server share. */
struct parts {
    struct access access;
    struct board *board;
    struct tabs *tabs;
    struct past *past;
    struct what_if *what_if;
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
    if (p->what_if)
        what_if_stop(p->what_if);
    if (p->server)
        lp_http_server_stop(p->server);
    tabs_free(p->tabs);
    what_if_free(p->what_if);
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
    r = what_if_new(options, &p.what_if, err);
    p.pages = (struct pages){ &p.access, p.tabs, p.past, p.what_if };
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
