/* cli/dashboard/child.c -- see the header. No state. */
#include "cli/dashboard/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define PATIENCE_MS 2000

static void add_output(posix_spawn_file_actions_t *files, int out_fd, int fd)
{
    if (out_fd >= 0)
        posix_spawn_file_actions_adddup2(files, out_fd, fd);
    else
        posix_spawn_file_actions_addopen(files, fd, "/dev/null", O_WRONLY, 0);
}

int child_start(char *const *argv, int out_fd, pid_t *ret_pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, pipe_only;

    sigemptyset(&none);
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    add_output(&files, out_fd, STDOUT_FILENO);
    add_output(&files, out_fd, STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, (short)(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                  POSIX_SPAWN_SETSIGDEF));
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &pipe_only);
    int r = posix_spawnp(ret_pid, argv[0], &files, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return r;
}

void child_end(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd ended = { .fd = fd, .events = POLLIN };

    kill(-pid, SIGTERM);
    if (fd < 0 || poll(&ended, 1, PATIENCE_MS) < 1)
        kill(-pid, SIGKILL);
    waitpid(pid, NULL, 0);
    if (fd >= 0)
        close(fd);
}
