/* cli/load/learner.c -- see learner.h. */
#include "cli/load/learner.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/load/target.h"
#include "json/json.h"

#define SMALL 16384 /* bytes of a buffer that is kept from request to request */

/* An answer that nobody looks into, or that is too long, is taken and dropped. */
static size_t take_bytes(char *bytes, size_t size, size_t n, void *user)
{
    struct learner *l = user;

    if (l->step->has || l->step->n_keeps > 0)
        lp_buf_add(&l->answer, bytes, size * n);
    else if (l->answer.len < 200) /* for the message of a setup that fails */
        lp_buf_add(&l->answer, bytes, size * n < 200 ? size * n : 200);
    return size * n;
}

/* Every connection passes here, whatever the name resolved to. */
static curl_socket_t open_checked(void *user, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct learner_class *c = user;

    (void)purpose;
    if (!c->any_target && !target_is_private(&a->addr)) {
        c->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static CURL *easy_new(struct learner *l)
{
    CURL *easy = curl_easy_init();

    if (!easy)
        abort();
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)LEARNER_REQUEST_MS);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "kubectl-lp-load/" LP_VERSION);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_checked);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, l->class);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, l);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, l);
    return easy;
}

/* Takes over `value`. */
static void set_value(struct learner *l, int variable, char *value)
{
    free(l->owned[variable]);
    l->owned[variable] = value;
    l->values[variable] = value;
}

void learner_init(struct learner *l, struct learner_class *class, uint32_t number,
                  const char *email, const char *password)
{
    *l = (struct learner){ .class = class,
                           .url = LP_BUF_INIT(LEARNER_MAX_URL),
                           .body = LP_BUF_INIT(LEARNER_MAX_BODY),
                           .answer = LP_BUF_INIT(LEARNER_ANSWER),
                           .at = -1 };
    l->easy = easy_new(l);
    set_value(l, SCENARIO_EMAIL, lp_strdup(email));
    set_value(l, SCENARIO_PASSWORD, lp_strdup(password));
    set_value(l, SCENARIO_LEARNER, lp_sprintf("%" PRIu32, number));
    set_value(l, SCENARIO_ROUND, lp_strdup("0"));
}

void learner_done(struct learner *l)
{
    curl_easy_cleanup(l->easy);
    curl_slist_free_all(l->headers);
    lp_buf_done(&l->url);
    lp_buf_done(&l->body);
    lp_buf_done(&l->answer);
    for (int i = 0; i < TEMPLATE_VARIABLES; i++)
        free(l->owned[i]);
}

void learner_begin_round(struct learner *l)
{
    const struct scenario *s = l->class->scenario;

    l->at = -1;
    set_value(l, SCENARIO_ROUND, lp_sprintf("%" PRIu64, l->rounds++));
    for (int i = 0; i < s->names.n; i++) {
        const json_t *list = s->values[i];
        if (!list)
            continue;
        double at = random_unit(&l->class->random) * (double)json_array_size(list);
        l->values[i] = json_string_value(json_array_get(list, (size_t)at));
    }
}

static void add_header(struct learner *l, const char *line)
{
    struct curl_slist *more = curl_slist_append(l->headers, line);

    if (!more)
        abort();
    l->headers = more;
}

static void set_headers(struct learner *l, const struct scenario_step *step)
{
    const char *token = l->values[SCENARIO_TOKEN];

    curl_slist_free_all(l->headers);
    l->headers = NULL;
    if (step->body)
        add_header(l, "Content-Type: application/json");
    if (step->token && token) {
        lp_auto_free char *line = lp_sprintf("Authorization: Bearer %s", token);
        add_header(l, line);
    }
    curl_easy_setopt(l->easy, CURLOPT_HTTPHEADER, l->headers);
}

static void set_method(struct learner *l, const struct scenario_step *step)
{
    bool post = strcmp(step->method, "POST") == 0, get = strcmp(step->method, "GET") == 0;

    if (step->body || post) {
        curl_easy_setopt(l->easy, CURLOPT_POSTFIELDS, l->body.ptr);
        curl_easy_setopt(l->easy, CURLOPT_POSTFIELDSIZE, (long)l->body.len);
    } else {
        curl_easy_setopt(l->easy, CURLOPT_HTTPGET, 1L);
    }
    bool plain = step->body ? post : post || get;
    curl_easy_setopt(l->easy, CURLOPT_CUSTOMREQUEST, plain ? NULL : step->method);
}

/* Empty; memory that only a long text needed is given back. */
static void empty(struct lp_buf *b)
{
    if (b->cap > SMALL)
        lp_buf_done(b);
    lp_buf_reset(b);
}

bool learner_prepare(struct learner *l, const struct scenario_step *step)
{
    l->step = step;
    empty(&l->url);
    empty(&l->body);
    empty(&l->answer);
    lp_buf_add(&l->url, l->class->url, l->class->url_len);
    template_write(step->path, TEMPLATE_PATH, l->values, &l->url);
    if (step->body)
        template_write(step->body, TEMPLATE_JSON, l->values, &l->body);
    curl_easy_setopt(l->easy, CURLOPT_URL, l->url.ptr);
    set_headers(l, step);
    set_method(l, step);
    return !l->url.overflowed && !l->body.overflowed;
}

/* Where "user.id" or "items.0" leads; NULL: nowhere. Borrowed. */
static const json_t *find(const json_t *at, const char *path)
{
    char key[129];

    for (size_t n; at && *path; path += n + (path[n] == '.')) {
        n = strcspn(path, ".");
        if (n >= sizeof key)
            return NULL;
        snprintf(key, sizeof key, "%.*s", (int)n, path);
        if (json_is_object(at))
            at = json_object_get(at, key);
        else if (json_is_array(at) && n > 0 && strspn(key, "0123456789") == n)
            at = json_array_get(at, strtoul(key, NULL, 10));
        else
            return NULL;
    }
    return at;
}

/* null, "", [] and {} are nothing. */
static bool is_something(const json_t *v)
{
    return v && !json_is_null(v) && !(json_is_string(v) && json_string_length(v) == 0) &&
           !(json_is_array(v) && json_array_size(v) == 0) &&
           !(json_is_object(v) && json_object_size(v) == 0);
}

/* A text without control characters, or an integer; the caller's. NULL: neither, or too long. */
static char *text_of(const json_t *v)
{
    if (json_is_integer(v))
        return lp_sprintf("%" JSON_INTEGER_FORMAT, json_integer_value(v));
    if (!json_is_string(v) || json_string_length(v) > LEARNER_KEEPS_BYTES)
        return NULL;
    for (const char *p = json_string_value(v); *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return NULL;
    return lp_strdup(json_string_value(v));
}

static bool answer_is_right(struct learner *l)
{
    json_auto_t *answer = NULL;
    struct lp_error ignored;

    if (!l->step->has && l->step->n_keeps == 0)
        return true;
    if (l->answer.overflowed || lp_json_parse(l->answer.ptr, l->answer.len, LEARNER_ANSWER,
                                              "answer", &answer, &ignored) < 0)
        return false;
    if (l->step->has && !is_something(find(answer, l->step->has)))
        return false;
    for (int i = 0; i < l->step->n_keeps; i++) {
        char *text = text_of(find(answer, l->step->keeps[i].from));
        if (!text)
            return false;
        set_value(l, l->step->keeps[i].variable, text);
    }
    return true;
}

static bool is_expected(const struct scenario_step *step, long status)
{
    for (int i = 0; i < step->n_statuses; i++)
        if (step->statuses[i] == status)
            return true;
    return step->n_statuses == 0 && status >= 200 && status < 300;
}

struct learner_outcome learner_look(struct learner *l, CURLcode code)
{
    struct learner_outcome o = { .code = code };
    long status = 0;

    if (code != CURLE_OK)
        return o;
    curl_easy_getinfo(l->easy, CURLINFO_RESPONSE_CODE, &status);
    o.status = (int)status;
    o.expected = is_expected(l->step, status);
    o.good = o.expected && answer_is_right(l);
    return o;
}

void learner_share(const struct learner *from, struct learner *to)
{
    for (int i = SCENARIO_TOKEN; i < TEMPLATE_VARIABLES; i++)
        if (from->owned[i])
            set_value(to, i, lp_strdup(from->owned[i]));
}
