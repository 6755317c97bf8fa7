/*
 * cli/load/learners.c -- see learners.h.
 *
 * One multi handle. A learner is one easy handle that goes through the table of steps; between two
 * rounds it waits for `due_ms`. The loop starts whoever is due, lets libcurl work until something
 * happens or the next one is due, and takes the answers.
 */
#include "cli/load/learners.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "cli/load/target.h"
#include "http/url.h"
#include "json/json.h"

#define REQUEST_TIMEOUT_MS 60000L
#define GRACE_MS 30000
#define MAX_ANSWER (1 << 20)

enum { LOGIN, SPEECH2TEXT, RECOMMENDATION, HEALTH };

static const char *const step_names[LEARNERS_ROUTES] = { "login", "speech2text", "recommendation",
                                                         "health" };

static const char sentence[] =
    "{\"text\":\"um yesterday i go to the the market and i recieve a apple\"}";

struct class;

struct learner {
    struct class *class;
    CURL *easy;
    struct curl_slist *bearer; /* Content-Type and Authorization */
    struct lp_buf answer;
    int64_t due_ms; /* when the next round begins */
    int step;       /* of the round under way */
    bool busy, done;
};

struct class
{
    const struct learners_options *o;
    struct learners_result *result;
    CURLM *multi;
    struct learner *learners;
    struct curl_slist *json; /* Content-Type alone */
    struct lp_buf login_body, urls[LEARNERS_ROUTES];
    char denied[64]; /* the address that was refused */
    int64_t begin_ms, end_ms;
    int64_t busy;  /* learners with a request under way */
    bool answered; /* the last look brought an answer, so that another request may have begun */
};

static size_t take_bytes(char *bytes, size_t size, size_t n, void *user)
{
    lp_buf_add(user, bytes, size * n);
    return size * n;
}

/* Every connection passes here, whatever the name resolved to. */
static curl_socket_t open_checked(void *user, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct class *c = user;

    (void)purpose;
    if (!c->o->any_target && !target_is_private(&a->addr)) {
        snprintf(c->denied, sizeof c->denied, "%s", "a public address");
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static void set_token(struct learner *l, const char *token)
{
    lp_auto_free char *field = lp_sprintf("Authorization: Bearer %s", token);

    curl_slist_free_all(l->bearer);
    l->bearer = curl_slist_append(NULL, "Content-Type: application/json");
    l->bearer = curl_slist_append(l->bearer, field);
}

/* The request of the learner's step; libcurl borrows what it points to. */
static void prepare(struct learner *l)
{
    const struct class *c = l->class;
    const char *body = l->step == LOGIN         ? c->login_body.ptr
                       : l->step == SPEECH2TEXT ? sentence
                                                : NULL;

    lp_buf_reset(&l->answer);
    curl_easy_setopt(l->easy, CURLOPT_URL, c->urls[l->step].ptr);
    curl_easy_setopt(l->easy, CURLOPT_HTTPHEADER, l->step == LOGIN ? c->json : l->bearer);
    if (body) {
        curl_easy_setopt(l->easy, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(l->easy, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
    } else {
        curl_easy_setopt(l->easy, CURLOPT_HTTPGET, 1L);
    }
}

static CURL *easy_new(struct class *c, struct learner *l)
{
    CURL *easy = curl_easy_init();

    if (!easy)
        abort();
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, REQUEST_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "kubectl-lp-load/" LP_VERSION);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_checked);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, c);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &l->answer);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, l);
    return easy;
}

/* The answer as JSON; NULL where it is none. The caller's. */
static json_t *parse_answer(const struct learner *l)
{
    json_t *answer = NULL;
    struct lp_error ignored;

    if (l->answer.overflowed)
        return NULL;
    return lp_json_parse(l->answer.ptr, l->answer.len, MAX_ANSWER, "answer", &answer, &ignored) == 0
               ? answer
               : NULL;
}

/* Whether the answer to the step is what the contract says; a login's token is kept. */
static bool answer_is_right(struct learner *l)
{
    json_auto_t *answer = parse_answer(l);
    const char *token = lp_json_str(answer, "token", NULL);

    switch (l->step) {
    case LOGIN:
        if (token)
            set_token(l, token);
        return token != NULL;
    case SPEECH2TEXT:
        return json_array_size(json_object_get(answer, "sentence_pairs")) > 0;
    case RECOMMENDATION:
        return json_is_number(json_object_get(answer, "averageScore"));
    default:
        return answer != NULL;
    }
}

static void count(struct learner *l, CURLcode code)
{
    curl_off_t us = 0;
    long status = 0;

    curl_easy_getinfo(l->easy, CURLINFO_TOTAL_TIME_T, &us);
    curl_easy_getinfo(l->easy, CURLINFO_RESPONSE_CODE, &status);
    bool good = code == CURLE_OK && status == 200 && answer_is_right(l);
    stats_add(&l->class->result->routes[l->step], us > 0 ? (uint64_t)us : 0, (int)code, (int)status,
              good);
}

static void begin_step(struct learner *l)
{
    prepare(l);
    l->busy = curl_multi_add_handle(l->class->multi, l->easy) == CURLM_OK;
    l->class->busy += l->busy;
}

static void end_step(struct learner *l, CURLcode code)
{
    struct class *c = l->class;

    curl_multi_remove_handle(c->multi, l->easy);
    l->busy = false;
    c->busy--;
    count(l, code);
    if (++l->step < LEARNERS_ROUTES) {
        begin_step(l);
        return;
    }
    l->step = LOGIN;
    l->due_ms = lp_clock_ms() + c->o->pause_ms;
    c->result->iterations++;
}

/* Begins the rounds that are due. Returns when the next one is, or -1 where nobody has one. */
static int64_t begin_rounds(struct class *c, int64_t now)
{
    int64_t next = -1;

    for (int64_t i = 0; i < c->o->learners; i++) {
        struct learner *l = &c->learners[i];
        if (l->busy || l->done)
            continue;
        if (l->due_ms >= c->end_ms || now >= c->end_ms)
            l->done = true;
        else if (l->due_ms <= now)
            begin_step(l);
        else if (next < 0 || l->due_ms < next)
            next = l->due_ms;
    }
    return next;
}

static void take_answers(struct class *c)
{
    CURLMsg *m;
    int left;

    c->answered = false;
    while ((m = curl_multi_info_read(c->multi, &left))) {
        struct learner *l = NULL;
        CURLcode code = m->data.result;
        if (m->msg != CURLMSG_DONE)
            continue;
        c->answered = true;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &l);
        end_step(l, code);
    }
}

static void drive(struct class *c)
{
    struct curl_waitfd stop = { .fd = c->o->stop ? lp_stop_fd(c->o->stop) : -1,
                                .events = CURL_WAIT_POLLIN };
    int running = 0;

    c->begin_ms = lp_clock_ms();
    c->end_ms = c->begin_ms + c->o->duration_ms;
    for (;;) {
        int64_t now = lp_clock_ms(), next = begin_rounds(c, now);
        if (lp_stop_requested(c->o->stop) || now >= c->end_ms + GRACE_MS ||
            (c->busy == 0 && next < 0))
            break;
        int64_t wait = next > now ? next - now : 0;
        if (next < 0 || wait > 1000)
            wait = 1000;
        curl_multi_perform(c->multi, &running);
        take_answers(c);
        curl_multi_poll(c->multi, &stop, c->o->stop ? 1 : 0, c->answered ? 0 : (int)wait, NULL);
    }
    c->result->seconds = (double)(lp_clock_ms() - c->begin_ms) / 1000;
}

/* The platform answers and knows the account, before anything is counted. */
static int first_login(struct class *c, struct lp_error *err)
{
    struct learner *l = &c->learners[0];
    long status = 0;

    l->step = LOGIN;
    prepare(l);
    CURLcode code = curl_easy_perform(l->easy);
    if (*c->denied)
        return lp_error_set(err, LP_E_DENIED,
                            "--url: \"%.200s\" leads to %s; only loopback and private addresses "
                            "are loaded, unless --yes-this-is-mine is given",
                            c->o->url, c->denied);
    if (code != CURLE_OK)
        return lp_error_set(err, LP_E_UNAVAILABLE, "the first login at %.200s: %s", c->o->url,
                            curl_easy_strerror(code));
    curl_easy_getinfo(l->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200 || !answer_is_right(l))
        return lp_error_set(err, LP_E_UNAVAILABLE, "the first login at %.200s: status %ld: %.200s",
                            c->o->url, status, l->answer.ptr);
    return 0;
}

/* The account's token and id, as the first login told them, for everybody. */
static int share_account(struct class *c, struct lp_error *err)
{
    json_auto_t *answer = parse_answer(&c->learners[0]);
    const char *token = lp_json_str(answer, "token", NULL);
    const char *id = lp_json_str(answer, "user", "id", NULL);

    if (!token || !id)
        return lp_error_set(err, LP_E_UNAVAILABLE, "the first login: no user.id in the answer");
    lp_url_segment(&c->urls[RECOMMENDATION], id);
    for (int64_t i = 0; i < c->o->learners; i++)
        set_token(&c->learners[i], token);
    return 0;
}

static void class_init(struct class *c)
{
    static const char *const paths[LEARNERS_ROUTES] = { "/auth/api/auth/login", "/ai/speech2text",
                                                        "/progress/api/progress/recommendation",
                                                        "/health" };
    json_auto_t *login = lp_json_make("{s:o, s:o}", "email", lp_json_text(c->o->email), "password",
                                      lp_json_text(c->o->password));
    size_t n = strlen(c->o->url);

    while (n > 0 && c->o->url[n - 1] == '/')
        n--;
    c->login_body = (struct lp_buf)LP_BUF_INIT(4096);
    lp_json_write(login, &c->login_body);
    for (unsigned i = 0; i < LEARNERS_ROUTES; i++) {
        c->result->routes[i].name = step_names[i];
        c->urls[i] = (struct lp_buf)LP_BUF_INIT(4096);
        lp_buf_add(&c->urls[i], c->o->url, n);
        lp_buf_str(&c->urls[i], paths[i]);
    }
    c->json = curl_slist_append(NULL, "Content-Type: application/json");
    c->multi = curl_multi_init();
    if (!c->multi || !c->json)
        abort();
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)c->o->learners);
    c->learners = lp_calloc((size_t)c->o->learners, sizeof *c->learners);
    for (int64_t i = 0; i < c->o->learners; i++) {
        struct learner *l = &c->learners[i];
        l->class = c;
        l->answer = (struct lp_buf)LP_BUF_INIT(MAX_ANSWER);
        l->easy = easy_new(c, l);
    }
}

static void class_done(struct class *c)
{
    for (int64_t i = 0; i < c->o->learners; i++) {
        struct learner *l = &c->learners[i];
        if (l->busy)
            curl_multi_remove_handle(c->multi, l->easy);
        curl_easy_cleanup(l->easy);
        curl_slist_free_all(l->bearer);
        lp_buf_done(&l->answer);
    }
    free(c->learners);
    curl_multi_cleanup(c->multi);
    curl_slist_free_all(c->json);
    lp_buf_done(&c->login_body);
    for (unsigned i = 0; i < LEARNERS_ROUTES; i++)
        lp_buf_done(&c->urls[i]);
}

static int check_url(const char *url, struct lp_error *err)
{
    const char *host = strncasecmp(url, "http://", 7) == 0    ? url + 7
                       : strncasecmp(url, "https://", 8) == 0 ? url + 8
                                                              : NULL;

    if (!host || !*host || strchr("/?#:", *host) || strlen(url) > 2048 || strpbrk(host, " ?#@"))
        return lp_error_set(err, LP_E_INVALID,
                            "--url: must be http:// or https:// with a host, is \"%.100s\"", url);
    return 0;
}

int learners_run(const struct learners_options *options, struct learners_result *ret_result,
                 struct lp_error *err)
{
    struct class c = { .o = options, .result = ret_result };

    int r = check_url(options->url, err);
    if (r < 0)
        return r;
    *ret_result = (struct learners_result){ 0 };
    class_init(&c);
    r = first_login(&c, err);
    if (r == 0)
        r = share_account(&c, err);
    if (r == 0)
        drive(&c);
    class_done(&c);
    return r;
}
