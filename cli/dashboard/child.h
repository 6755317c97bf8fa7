/* cli/dashboard/child.h -- a program of the user's that we start: the browser, kubectl. */
#pragma once

#include <sys/types.h>

/*
 * By PATH, in a process group of its own, so that Ctrl-C here does not end it; nothing is blocked
 * there, and SIGPIPE is deadly again. Its standard input is empty, as the terminal's would stop it
 * there. What it prints goes to `out_fd`, -1: nowhere. 0, or an errno. The caller waits for it.
 */
int child_start(char *const *argv, int out_fd, pid_t *ret_pid);

/* Ends its whole group: SIGTERM, after two seconds SIGKILL; waits for it. */
void child_end(pid_t pid);
