/* lib/base/spawn.h -- starts a program, with signals as a fresh one expects them. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Instead of a descriptor. */
#define LP_SPAWN_INHERIT (-1)
#define LP_SPAWN_NULL (-2) /* /dev/null */

/* All borrowed for the call. */
struct lp_spawn {
    char *const *argv; /* argv[0] is looked for in PATH */
    char *const *env;
    int in, out, err; /* descriptors that become 0, 1 and 2 */
    bool own_group;   /* a process group of its own: it cannot read from the terminal */
};

/* Nothing is blocked in it, and SIGPIPE ends it. 0, or an errno value; the caller waits for
 * *ret_pid. */
int lp_spawn(const struct lp_spawn *how, pid_t *ret_pid);
