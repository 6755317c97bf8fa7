/* lib/base/spawn.c -- see the header. No state. */
#include "base/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

static void set_up(posix_spawn_file_actions_t *files, int from, int to)
{
    if (from >= 0)
        posix_spawn_file_actions_adddup2(files, from, to);
    else if (from == LP_SPAWN_NULL)
        posix_spawn_file_actions_addopen(files, to, "/dev/null",
                                         to == STDIN_FILENO ? O_RDONLY : O_WRONLY, 0);
}

int lp_spawn(const struct lp_spawn *how, pid_t *ret_pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, pipe_only;

    sigemptyset(&none);
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    posix_spawn_file_actions_init(&files);
    set_up(&files, how->in, STDIN_FILENO);
    set_up(&files, how->out, STDOUT_FILENO);
    set_up(&files, how->err, STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, (short)((how->own_group ? POSIX_SPAWN_SETPGROUP : 0) |
                                                  POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &pipe_only);
    int r = posix_spawnp(ret_pid, how->argv[0], &files, &attributes, how->argv, how->env);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return r;
}
