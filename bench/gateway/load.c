/*
 * bench/gateway/load.c -- asks a server the same question over N kept plain connections, each as
 * soon as it has its answer, and prints what it saw as one line of JSON: load PORT CONNECTIONS
 * SECONDS PATH STATUS PID [HEADER…] STATUS is the answer wanted; what answers otherwise counts as
 * an error. The processor time of PID is read from /proc before and after. One thread, epoll.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_SAMPLES 4000000u
#define ANSWER_BYTES 65536

struct connection {
    int fd;
    size_t len, whole; /* bytes of the answer so far; wanted, once the head is there */
    int64_t began_ns;
    char answer[ANSWER_BYTES];
};

static char request[8192];
static size_t request_len;
static uint32_t *samples; /* microseconds */
static uint64_t answers, errors;
static int wanted, port, epoll_fd;

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Microseconds of user and system time, all threads of the process. */
static double cpu_us(const char *pid)
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

static void ask(struct connection *c)
{
    c->len = c->whole = 0;
    c->began_ns = now_ns();
    if (send(c->fd, request, request_len, MSG_NOSIGNAL) != (ssize_t)request_len)
        die("send");
}

static void open_connection(struct connection *c)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };
    int one = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0)
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e);
    ask(c);
}

static void read_head(struct connection *c)
{
    c->answer[c->len] = '\0';
    const char *end = strstr(c->answer, "\r\n\r\n");
    const char *length = end ? strcasestr(c->answer, "\r\nContent-Length: ") : NULL;
    if (length)
        c->whole = (size_t)(end + 4 - c->answer) + strtoul(length + 18, NULL, 10);
}

static void take(struct connection *c)
{
    ssize_t n = recv(c->fd, c->answer + c->len, ANSWER_BYTES - 1 - c->len, 0);

    if (n <= 0) { /* counted, and opened anew: a server may end a connection */
        errors += c->len > 0 || n < 0;
        close(c->fd);
        open_connection(c);
        return;
    }
    c->len += (size_t)n;
    if (c->whole == 0)
        read_head(c);
    if (c->whole == 0 || c->len < c->whole)
        return;
    if (strtol(c->answer + 9, NULL, 10) != wanted)
        errors++;
    if (answers < MAX_SAMPLES)
        samples[answers] = (uint32_t)((now_ns() - c->began_ns) / 1000);
    answers++;
    ask(c);
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void run_until(int64_t end)
{
    struct epoll_event events[256];

    while (now_ns() < end) {
        int n = epoll_wait(epoll_fd, events, 256, 100);
        for (int i = 0; i < n; i++)
            take(events[i].data.ptr);
    }
}

int main(int argc, char **argv)
{
    if (argc < 7) {
        fprintf(stderr, "usage: load PORT CONNECTIONS SECONDS PATH STATUS PID [HEADER...]\n");
        return 2;
    }
    port = (int)strtol(argv[1], NULL, 10);
    int n = (int)strtol(argv[2], NULL, 10);
    double seconds = strtod(argv[3], NULL);
    wanted = (int)strtol(argv[5], NULL, 10);
    request_len =
        (size_t)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: g\r\n", argv[4]);
    for (int i = 7; i < argc; i++)
        request_len += (size_t)snprintf(request + request_len, sizeof request - request_len,
                                        "%s\r\n", argv[i]);
    request_len += (size_t)snprintf(request + request_len, sizeof request - request_len, "\r\n");
    samples = malloc(MAX_SAMPLES * sizeof *samples);
    struct connection *all = calloc((size_t)n, sizeof *all);
    epoll_fd = epoll_create1(0);
    for (int i = 0; i < n; i++)
        open_connection(&all[i]);
    run_until(now_ns() + 300000000); /* warm */
    answers = errors = 0;
    double before = cpu_us(argv[6]);
    int64_t began = now_ns();
    run_until(began + (int64_t)(seconds * 1e9));
    double took = (double)(now_ns() - began) / 1e9, cpu = cpu_us(argv[6]) - before;
    uint64_t kept = answers < MAX_SAMPLES ? answers : MAX_SAMPLES;
    qsort(samples, kept, sizeof *samples, by_value);
    if (kept == 0)
        die("no answer");
    printf("{\"answers\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"per_s\":%.0f,\"cpu_us\":%.2f,"
           "\"p50_us\":%u,\"p99_us\":%u}\n",
           answers, errors, (double)answers / took, cpu / (double)answers, samples[kept / 2],
           samples[kept * 99 / 100]);
    return 0;
}
