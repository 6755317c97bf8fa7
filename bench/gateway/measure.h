/* bench/gateway/measure.h -- what the two loaders share: clocks, processor time, samples. */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_SAMPLES 4000000u

static inline void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static inline int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Microseconds of user and system time, all threads of the process. */
static inline double cpu_us(const char *pid)
{
    char path[64], text[1024];
    unsigned long user = 0, sys = 0;

    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f)
        die(path);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    const char *after = strrchr(text, ')');
    if (!after ||
        sscanf(after + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys) != 2)
        die("stat");
    return (double)(user + sys) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

/* A blocking socket, connected, without Nagle's delay. */
static inline int connect_to(int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* What was answered in a run; `us` has room for MAX_SAMPLES. */
struct figures {
    uint32_t *us;
    uint64_t answers, errors;
};

static inline void note_answer(struct figures *f, int64_t began_ns)
{
    if (f->answers < MAX_SAMPLES)
        f->us[f->answers] = (uint32_t)((now_ns() - began_ns) / 1000);
    f->answers++;
}

static inline int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Until `end` each connection with something to read goes to `take`. */
static inline void run_until(int epoll_fd, void (*take)(void *connection), int64_t end)
{
    struct epoll_event events[256];

    while (now_ns() < end) {
        int n = epoll_wait(epoll_fd, events, 256, 100);
        for (int i = 0; i < n; i++)
            take(events[i].data.ptr);
    }
}

/* One line of JSON. */
static inline void print_figures(struct figures *f, double took_s, double used_cpu_us)
{
    uint64_t kept = f->answers < MAX_SAMPLES ? f->answers : MAX_SAMPLES;

    if (kept == 0)
        die("no answer");
    qsort(f->us, kept, sizeof *f->us, by_value);
    printf("{\"answers\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"per_s\":%.0f,\"cpu_us\":%.2f,"
           "\"p50_us\":%u,\"p99_us\":%u}\n",
           f->answers, f->errors, (double)f->answers / took_s, used_cpu_us / (double)f->answers,
           f->us[kept / 2], f->us[kept * 99 / 100]);
}

/* Warms up for 0.3 s, then counts for `seconds` and prints it, with the CPU of `pid`. */
static inline void measure(struct figures *f, int epoll_fd, void (*take)(void *connection),
                           const char *pid, double seconds)
{
    run_until(epoll_fd, take, now_ns() + 300000000);
    f->answers = f->errors = 0;
    double before = cpu_us(pid);
    int64_t began = now_ns();
    run_until(epoll_fd, take, began + (int64_t)(seconds * 1e9));
    print_figures(f, (double)(now_ns() - began) / 1e9, cpu_us(pid) - before);
}
