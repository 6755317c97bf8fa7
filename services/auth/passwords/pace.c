/*
 * A cgroup's CPU limit is a quota per 100 ms, shared by all threads of a pod: one that computes
 * uses it up and all the others stand still until the next period; nice values do not change that.
 * So a hash, which is one library call of tens of milliseconds, is interrupted: a timer of 2 ms
 * sends this very thread a signal, and the handler sleeps as long as the share asks for. The timer
 * runs on the wall clock, as timers on CPU time are only as fine as the kernel's tick (4 ms is a
 * whole quota of 40m).
 *
 * Threads: all state belongs to the thread; the handler runs in it.
 */
#include "services/auth/passwords/pace.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SLICE_NS 2000000
#define LONGEST_SLEEP_NS 500000000

static _Thread_local struct {
    bool on, computing;
    double share;
    timer_t timer;
    int64_t since_ns; /* the thread's CPU time when it last slept */
} pace;

static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void arm(long ns)
{
    const struct itimerspec once = { .it_value = { .tv_nsec = ns } };
    timer_settime(pace.timer, 0, &once, NULL);
}

/* Only async-signal-safe calls. */
static void sleep_for_share(int number)
{
    int saved = errno;
    (void)number;
    if (!pace.computing)
        return;
    int64_t used = cpu_ns() - pace.since_ns;
    if (used >= SLICE_NS * 3 / 4) {
        int64_t rest = (int64_t)((double)used / pace.share) - used;
        struct timespec t = { .tv_nsec = rest < LONGEST_SLEEP_NS ? rest : LONGEST_SLEEP_NS };
        nanosleep(&t, NULL);
        pace.since_ns = cpu_ns();
    }
    arm(SLICE_NS);
    errno = saved;
}

void pace_thread(double share)
{
    struct sigaction action = { .sa_handler = sleep_for_share, .sa_flags = SA_RESTART };
    struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN };
    if (share <= 0 || share >= 1)
        return;
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    sigaction(SIGRTMIN, &action, NULL);
    pace.share = share;
    pace.on = timer_create(CLOCK_MONOTONIC, &event, &pace.timer) == 0;
}

void pace_thread_end(void)
{
    if (pace.on)
        timer_delete(pace.timer);
    pace.on = false;
}

void pace_begin(void)
{
    if (!pace.on)
        return;
    pace.since_ns = cpu_ns();
    pace.computing = true;
    arm(SLICE_NS);
}

void pace_end(void)
{
    if (!pace.on)
        return;
    pace.computing = false;
    arm(0);
}
