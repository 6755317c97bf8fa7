/* cli/dashboard/child.c -- see the header. No state. */
#include "cli/dashboard/child.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/spawn.h"

extern char **environ;

#define PATIENCE_MS 2000

int child_start(char *const *argv, int out_fd, pid_t *ret_pid)
{
    int out = out_fd >= 0 ? out_fd : LP_SPAWN_NULL;
    const struct lp_spawn how = {
        .argv = argv, .env = environ, .in = LP_SPAWN_NULL, .out = out, .err = out, .own_group = true
    };

    return lp_spawn(&how, ret_pid);
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
