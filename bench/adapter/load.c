/*
 * Asks a server the same question over N kept TLS connections with a client certificate, each as
 * soon as it has its answer, and prints what it saw as one line of JSON:
 *   load HOST PORT CERT KEY CONNECTIONS SECONDS PATH PID [HEADER…]
 * PID is the server's; its processor time is read from /proc before and after (0: not read).
 *   load HOST PORT CERT KEY first ITEMS PATH 0 [HEADER…]
 * asks one that may not be there yet until an answer has so many items, and prints when it came, in
 * nanoseconds of the monotonic clock.
 *
 * One thread, epoll. What does not answer 200 counts as an error and is printed once.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define MAX_SAMPLES 4000000u
#define ANSWER_BYTES (4u << 20)
#define READ_AHEAD (64u << 10)
#define FIRST_S 120
#define ANSWER_S 10 /* after which an answer is given up */

struct connection {
    SSL *ssl;
    int fd;
    char *answer;
    size_t len, head, body; /* head: bytes of the header, once it is there; body: wanted */
    bool chunked, reading;
    int64_t began_ns;
};

static char request[8192];
static size_t request_len;
static uint32_t *samples; /* microseconds */
static uint64_t answers, errors, body_bytes;
static bool told;

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    ERR_print_errors_fp(stderr);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static bool scrapes(const char *pid, const char *thread)
{
    char path[300], name[32] = "";
    snprintf(path, sizeof path, "/proc/%s/task/%s/comm", pid, thread);
    FILE *f = fopen(path, "r");
    if (f && !fgets(name, sizeof name, f))
        name[0] = '\0';
    if (f)
        fclose(f);
    return strcmp(name, "scraper\n") == 0;
}

/* Of all threads that are, to the nanosecond, but for one that is called scraper, which works
 * whether somebody asks or not; a thread that ended between two readings is lost. */
static int64_t cpu_ns(const char *pid)
{
    char path[300];
    int64_t sum = 0;
    snprintf(path, sizeof path, "/proc/%s/task", pid);
    DIR *tasks = opendir(path);
    for (struct dirent *d; tasks && (d = readdir(tasks)) != NULL;) {
        int64_t ns = 0;
        snprintf(path, sizeof path, "/proc/%s/task/%s/schedstat", pid, d->d_name);
        FILE *f = d->d_name[0] != '.' && !scrapes(pid, d->d_name) ? fopen(path, "r") : NULL;
        if (f && fscanf(f, "%" SCNd64, &ns) == 1)
            sum += ns;
        if (f)
            fclose(f);
    }
    if (tasks)
        closedir(tasks);
    return sum;
}

static bool try_open(struct connection *c, SSL_CTX *context, const struct sockaddr_in *to)
{
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)to, sizeof *to) < 0)
        return false;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->ssl = SSL_new(context);
    c->answer = c->answer ? c->answer : malloc(ANSWER_BYTES);
    return c->ssl && c->answer && SSL_set_fd(c->ssl, c->fd) == 1 && SSL_connect(c->ssl) == 1;
}

static void open_one(struct connection *c, SSL_CTX *context, const struct sockaddr_in *to)
{
    if (!try_open(c, context, to))
        die("connect");
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

static void ask(struct connection *c)
{
    c->len = c->head = 0;
    c->reading = true;
    c->began_ns = now_ns();
    if (SSL_write(c->ssl, request, (int)request_len) != (int)request_len)
        die("send");
}

static void read_head(struct connection *c)
{
    char *end = memmem(c->answer, c->len, "\r\n\r\n", 4);
    if (!end)
        return;
    c->head = (size_t)(end - c->answer) + 4;
    c->body = 0;
    c->chunked = false;
    for (char *line = c->answer; line < end; line = strstr(line, "\r\n") + 2) {
        if (strncasecmp(line, "Content-Length:", 15) == 0)
            c->body = strtoul(line + 15, NULL, 10);
        else if (strncasecmp(line, "Transfer-Encoding: chunked", 26) == 0)
            c->chunked = true;
    }
}

static bool is_whole(struct connection *c)
{
    if (c->head == 0)
        read_head(c);
    if (c->head == 0)
        return false;
    if (!c->chunked)
        return c->len - c->head >= c->body;
    return c->len >= c->head + 5 && memcmp(c->answer + c->len - 5, "0\r\n\r\n", 5) == 0;
}

static void note(struct connection *c)
{
    int64_t us = (now_ns() - c->began_ns) / 1000;
    c->reading = false;
    if (strncmp(c->answer, "HTTP/1.1 200", 12) != 0) {
        errors++;
        if (!told)
            fprintf(stderr, "load: %.300s\n", c->answer);
        told = true;
    } else if (answers < MAX_SAMPLES) {
        samples[answers++] = (uint32_t)us;
        body_bytes += c->len - c->head;
    }
}

static void take(struct connection *c)
{
    size_t n = 0;
    while (c->reading &&
           SSL_read_ex(c->ssl, c->answer + c->len, ANSWER_BYTES - 1 - c->len, &n) == 1) {
        c->len += n;
        c->answer[c->len] = '\0';
        if (is_whole(c))
            note(c);
    }
    if (c->reading && SSL_get_error(c->ssl, 0) != SSL_ERROR_WANT_READ)
        die("receive");
}

static void run(struct connection *all, unsigned n, double seconds)
{
    struct epoll_event events[64];
    int poll = epoll_create1(EPOLL_CLOEXEC);
    int64_t end = now_ns() + (int64_t)(seconds * 1e9);
    unsigned open = n;
    for (unsigned i = 0; i < n; i++) {
        struct epoll_event e = { .events = EPOLLIN, .data.ptr = &all[i] };
        epoll_ctl(poll, EPOLL_CTL_ADD, all[i].fd, &e);
        ask(&all[i]);
    }
    while (open > 0) {
        int got = epoll_wait(poll, events, 64, ANSWER_S * 1000);
        if (got <= 0)
            die("no answer");
        for (int i = 0; i < got; i++) {
            struct connection *c = events[i].data.ptr;
            bool was = c->reading;
            take(c);
            if (was && !c->reading && now_ns() < end)
                ask(c);
            else if (was && !c->reading)
                open--;
        }
    }
    close(poll);
}

/* Takes the sizes of chunks out of a whole answer, so that none stands in the middle of a word. */
static void unchunk(struct connection *c)
{
    char *to = c->answer + c->head, *from = to, *end;
    for (size_t n; c->chunked && (n = strtoul(from, &end, 16)) > 0; from = end + 2 + n + 2) {
        memmove(to, end + 2, n);
        to += n;
    }
    if (c->chunked)
        *to = '\0';
}

static unsigned n_items(struct connection *c)
{
    unsigned n = 0;
    unchunk(c);
    for (const char *at = c->answer; (at = strstr(at, "\"describedObject\"")) != NULL; at++)
        n++;
    return strncmp(c->answer, "HTTP/1.1 200", 12) == 0 ? n : 0;
}

static bool has_answer(struct connection *c)
{
    size_t n = 0;
    c->len = c->head = 0;
    if (SSL_write(c->ssl, request, (int)request_len) != (int)request_len)
        return false;
    do {
        if (SSL_read_ex(c->ssl, c->answer + c->len, ANSWER_BYTES - 1 - c->len, &n) != 1)
            return false;
        c->len += n;
        c->answer[c->len] = '\0';
    } while (!is_whole(c));
    return true;
}

static void await_first(SSL_CTX *context, const struct sockaddr_in *to, unsigned items)
{
    const struct timespec pause = { .tv_nsec = 500000 };
    struct connection c = { .fd = -1 };
    int64_t end = now_ns() + FIRST_S * INT64_C(1000000000);
    while (now_ns() < end) {
        bool answered = (c.ssl || try_open(&c, context, to)) && has_answer(&c);
        if (answered && n_items(&c) == items) {
            printf("%" PRId64 "\n", now_ns());
            return;
        }
        if (!answered) {
            SSL_free(c.ssl);
            c.ssl = NULL;
            close(c.fd);
        }
        ppoll(NULL, 0, &pause, NULL); /* nobody tells when it begins to listen */
    }
    die("no such answer");
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void print(int64_t took_ns, int64_t cpu)
{
    qsort(samples, answers, sizeof *samples, compare);
    uint64_t n = answers ? answers : 1;
    printf(
        "{\"answers\": %" PRIu64 ", \"errors\": %" PRIu64
        ", \"per_s\": %.0f, \"p50_us\": %u, \"p99_us\": %u, \"cpu_us\": %.1f, \"bytes\": %" PRIu64
        "}\n",
        answers, errors, (double)answers * 1e9 / (double)took_ns, samples[n / 2],
        samples[n * 99 / 100], (double)cpu / 1000 / (double)n, body_bytes / n);
}

int main(int argc, char **argv)
{
    if (argc < 9) {
        fprintf(stderr, "usage: load HOST PORT CERT KEY CONNECTIONS|first SECONDS|ITEMS PATH PID "
                        "[HEADER...]\n");
        return 2;
    }
    bool first = strcmp(argv[5], "first") == 0;
    unsigned n = (unsigned)strtoul(argv[first ? 6 : 5], NULL, 10);
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10)) };
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    samples = calloc(MAX_SAMPLES, sizeof *samples);
    struct connection *all = calloc(n ? n : 1, sizeof *all);
    if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1 || n == 0 || !context || !samples || !all ||
        SSL_CTX_use_certificate_chain_file(context, argv[3]) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, argv[4], SSL_FILETYPE_PEM) != 1)
        die("start");
    SSL_CTX_set_read_ahead(context, 1); /* a record in one go: the client is to cost little */
    SSL_CTX_set_default_read_buffer_len(context, READ_AHEAD);
    request_len = (size_t)snprintf(request, sizeof request,
                                   "GET %s HTTP/1.1\r\nHost: adapter\r\nUser-Agent: load\r\n"
                                   "Accept: application/json, */*\r\n",
                                   argv[7]);
    for (int i = 9; i < argc && request_len < sizeof request; i++)
        request_len += (size_t)snprintf(request + request_len, sizeof request - request_len,
                                        "%s\r\n", argv[i]);
    if (request_len + 2 >= sizeof request)
        die("headers");
    memcpy(request + request_len, "\r\n", 2);
    request_len += 2;

    if (first) {
        await_first(context, &to, n);
        return 0;
    }
    for (unsigned i = 0; i < n; i++)
        open_one(&all[i], context, &to);
    run(all, n, 0.3); /* caches fill */
    answers = errors = body_bytes = 0;
    int64_t cpu = cpu_ns(argv[8]), began = now_ns();
    run(all, n, strtod(argv[6], NULL));
    print(now_ns() - began, cpu_ns(argv[8]) - cpu);
    return 0;
}
