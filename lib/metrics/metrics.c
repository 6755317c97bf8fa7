/* lib/metrics/metrics.c -- the registry. One mutex guards the lists of families and series; values
 * are atomics, so that an update never waits for a scrape. Nothing is ever freed: a series pointer
 * stays good for as long as the program runs. */
#include "metrics/metrics_parts.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"

/* A label value is cut here: names of objects end at 253 bytes. */
#define LABEL_VALUE_BYTES 256
/* All labels of a series, should every byte be escaped, with their names. */
#define LABELS_BYTES 4096

pthread_mutex_t lp_metrics_lock = PTHREAD_MUTEX_INITIALIZER;
int64_t lp_metrics_grace_ms = LP_METRIC_GRACE_MS;

static struct lp_metric_family *first, **last = &first;
static struct {
    void (*call)(void *user);
    void *user;
} collectors[LP_METRIC_COLLECTORS];
static size_t n_collectors;

const double lp_metrics_seconds[] = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                      0.25,  0.5,    1,     2.5,  5,     10,   30 };
const unsigned lp_metrics_n_seconds = LP_COUNT(lp_metrics_seconds);

static uint64_t to_bits(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

double lp_metric_load(const atomic_uint_least64_t *bits)
{
    uint64_t got = atomic_load_explicit(bits, memory_order_relaxed);
    double v;
    memcpy(&v, &got, sizeof v);
    return v;
}

static void add_to(atomic_uint_least64_t *bits, double v)
{
    uint64_t old = atomic_load_explicit(bits, memory_order_relaxed);
    double sum;
    do {
        memcpy(&sum, &old, sizeof sum);
        sum += v;
    } while (!atomic_compare_exchange_weak_explicit(bits, &old, to_bits(sum), memory_order_relaxed,
                                                    memory_order_relaxed));
}

static struct lp_metric *new_series(struct lp_metric_family *f, char *labels)
{
    size_t buckets = f->kind == LP_METRIC_HISTOGRAM ? f->n_buckets + 1 : 0;
    struct lp_metric *m = lp_alloc(sizeof *m + buckets * sizeof m->buckets[0]);
    m->family = f;
    m->labels = labels;
    return m;
}

static void zero(struct lp_metric *m)
{
    size_t buckets = m->family->kind == LP_METRIC_HISTOGRAM ? m->family->n_buckets + 1 : 0;
    atomic_store(&m->bits, 0); /* the bits of 0.0 */
    for (size_t i = 0; i < buckets; i++)
        atomic_store(&m->buckets[i], 0);
    lp_metric_forget_exemplars(m);
}

static void split_labels(struct lp_metric_family *f, const char *labels)
{
    while (*labels && f->n_labels < LP_METRIC_LABELS) {
        size_t n = strcspn(labels, ",");
        f->label_names[f->n_labels++] = lp_strndup(labels, n);
        labels += n + (labels[n] == ',');
    }
}

static struct lp_metric_family *find_family_locked(const char *name)
{
    for (struct lp_metric_family *f = first; f; f = f->next) {
        if (strcmp(f->name, name) == 0)
            return f;
    }
    return NULL;
}

static struct lp_metric_family *family_locked(enum lp_metric_kind kind, const char *name,
                                              const char *help, const char *labels,
                                              const double *buckets, unsigned n_buckets)
{
    struct lp_metric_family *f = find_family_locked(name);
    if (f)
        return f;
    f = lp_alloc(sizeof *f);
    f->kind = kind;
    f->name = name;
    f->help = help;
    f->bounds = buckets;
    f->limit = LP_LIMIT_METRIC_SERIES;
    f->n_buckets = n_buckets < LP_METRIC_BUCKETS ? n_buckets : LP_METRIC_BUCKETS;
    split_labels(f, labels);
    f->overflow = new_series(f, NULL);
    *last = f;
    last = &f->next;
    return f;
}

struct lp_metric_family *lp_metric_family(enum lp_metric_kind kind, const char *name,
                                          const char *help, const char *labels,
                                          const double *buckets, unsigned n_buckets)
{
    pthread_mutex_lock(&lp_metrics_lock);
    struct lp_metric_family *f = family_locked(kind, name, help, labels, buckets, n_buckets);
    pthread_mutex_unlock(&lp_metrics_lock);
    return f;
}

void lp_metric_limit(struct lp_metric_family *f, unsigned series)
{
    pthread_mutex_lock(&lp_metrics_lock);
    f->limit = series;
    pthread_mutex_unlock(&lp_metrics_lock);
}

/* Cuts after whole UTF-8 characters; the text format escapes \, " and the newline. */
static void put_value(struct lp_buf *b, const char *value)
{
    size_t n = strnlen(value, LABEL_VALUE_BYTES);
    if (value[n]) {
        while (n > 0 && ((unsigned char)value[n] & 0xc0) == 0x80)
            n--;
    }
    while (n > 0) {
        size_t plain = strcspn(value, "\\\"\n");
        plain = plain < n ? plain : n;
        lp_buf_add(b, value, plain);
        value += plain;
        n -= plain;
        if (n == 0)
            break;
        lp_buf_char(b, '\\');
        lp_buf_add(b, *value == '\n' ? "n" : value, 1);
        value++;
        n--;
    }
}

static char *render_first(const struct lp_metric_family *f, const char *const *values, unsigned n)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(LABELS_BYTES);

    for (unsigned i = 0; i < n; i++) {
        if (i > 0)
            lp_buf_char(&b, ',');
        lp_buf_str(&b, f->label_names[i]);
        lp_buf_str(&b, "=\"");
        put_value(&b, values[i] ? values[i] : "");
        lp_buf_char(&b, '"');
    }
    return lp_buf_take(&b);
}

static char *render_labels(const struct lp_metric_family *f, const char *const *values)
{
    return render_first(f, values, f->n_labels);
}

/* Where `labels` is, or where it would go. */
static size_t position_locked(const struct lp_metric_family *f, const char *labels, bool *ret_there)
{
    size_t low = 0, high = f->n_series;

    *ret_there = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(f->series[middle]->labels, labels);
        if (order == 0) {
            *ret_there = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert_locked(struct lp_metric_family *f, struct lp_metric *m)
{
    bool there;
    size_t at = position_locked(f, m->labels, &there);

    if (f->n_series == f->cap_series) {
        f->cap_series = f->cap_series ? f->cap_series * 2 : 4;
        f->series = lp_realloc(f->series, f->cap_series * sizeof(struct lp_metric *));
    }
    memmove(f->series + at + 1, f->series + at, (f->n_series - at) * sizeof(struct lp_metric *));
    f->series[at] = m;
    f->n_series++;
}

/* At the limit a series that was removed long ago is given out again under its new labels: nobody
 * uses the pointer of its old ones any more. */
static struct lp_metric *recycle_locked(struct lp_metric_family *f, char *labels)
{
    int64_t now = lp_clock_ms();

    for (size_t i = 0; i < f->n_series; i++) {
        struct lp_metric *m = f->series[i];
        if (!m->hidden || now - m->hidden_ms < lp_metrics_grace_ms)
            continue;
        memmove(f->series + i, f->series + i + 1,
                (f->n_series - i - 1) * sizeof(struct lp_metric *));
        f->n_series--;
        free(m->labels);
        m->labels = labels;
        return m;
    }
    return NULL;
}

static struct lp_metric *dropped_locked(const struct lp_metric_family *of)
{
    struct lp_metric_family *f =
        family_locked(LP_METRIC_COUNTER, "lp_metrics_dropped_series_total",
                      "Series refused as their family was full.", "family", NULL, 0);
    lp_auto_free char *labels = render_labels(f, (const char *const[]){ of->name });
    bool there;
    size_t at = position_locked(f, labels, &there);

    if (there)
        return f->series[at];
    struct lp_metric *m = new_series(f, lp_take(labels)); /* as many as there are families */
    insert_locked(f, m);
    return m;
}

static struct lp_metric *add_series_locked(struct lp_metric_family *f, char **labels)
{
    struct lp_metric *m = NULL;

    if (f->n_series < f->limit)
        m = new_series(f, lp_take(*labels));
    else if ((m = recycle_locked(f, *labels)))
        *labels = NULL;
    if (m) {
        insert_locked(f, m);
        return m;
    }
    add_to(&dropped_locked(f)->bits, 1);
    return f->overflow;
}

struct lp_metric *lp_metric_get(struct lp_metric_family *f, const char *const *values)
{
    lp_auto_free char *labels = render_labels(f, values);
    struct lp_metric *m;
    bool there;

    pthread_mutex_lock(&lp_metrics_lock);
    size_t at = position_locked(f, labels, &there);
    m = there ? f->series[at] : add_series_locked(f, &labels);
    if (m->hidden) {
        zero(m);
        m->hidden = false;
    }
    pthread_mutex_unlock(&lp_metrics_lock);
    return m;
}

struct lp_metric *lp_metric_single(struct lp_metric_family *f)
{
    static const char *const none[LP_METRIC_LABELS];
    return lp_metric_get(f, none);
}

void lp_metric_add(struct lp_metric *m, double v)
{
    add_to(&m->bits, v);
}

void lp_metric_set(struct lp_metric *m, double v)
{
    atomic_store_explicit(&m->bits, to_bits(v), memory_order_relaxed);
}

unsigned lp_metric_bucket(const struct lp_metric_family *f, double v)
{
    unsigned i = 0;

    while (i < f->n_buckets && v > f->bounds[i])
        i++;
    return i;
}

void lp_metric_observe(struct lp_metric *m, double v)
{
    unsigned i = lp_metric_bucket(m->family, v);

    atomic_fetch_add_explicit(&m->buckets[i], 1, memory_order_relaxed);
    add_to(&m->bits, v);
}

double lp_metric_value(const struct lp_metric *m)
{
    uint64_t count = 0;

    if (m->family->kind != LP_METRIC_HISTOGRAM)
        return lp_metric_load(&m->bits);
    for (unsigned i = 0; i <= m->family->n_buckets; i++)
        count += atomic_load_explicit(&m->buckets[i], memory_order_relaxed);
    return (double)count;
}

static void hide_locked(struct lp_metric *m)
{
    if (m->hidden)
        return;
    m->hidden = true;
    m->hidden_ms = lp_clock_ms();
}

void lp_metric_remove(struct lp_metric_family *f, const char *const *values)
{
    lp_auto_free char *labels = render_labels(f, values);
    bool there;

    pthread_mutex_lock(&lp_metrics_lock);
    size_t at = position_locked(f, labels, &there);
    if (there)
        hide_locked(f->series[at]);
    pthread_mutex_unlock(&lp_metrics_lock);
}

void lp_metric_remove_first(struct lp_metric_family *f, const char *const *values, unsigned n)
{
    lp_auto_free char *labels = render_first(f, values, n < f->n_labels ? n : f->n_labels);
    size_t len = strlen(labels);
    bool there;

    /* Behind a value stands its quote: no other value begins with it. */
    pthread_mutex_lock(&lp_metrics_lock);
    for (size_t at = position_locked(f, labels, &there);
         at < f->n_series && strncmp(f->series[at]->labels, labels, len) == 0; at++)
        hide_locked(f->series[at]);
    pthread_mutex_unlock(&lp_metrics_lock);
}

void lp_metrics_on_collect(void (*collect)(void *user), void *user)
{
    pthread_mutex_lock(&lp_metrics_lock);
    if (n_collectors < LP_METRIC_COLLECTORS) {
        collectors[n_collectors].call = collect;
        collectors[n_collectors++].user = user;
    }
    pthread_mutex_unlock(&lp_metrics_lock);
}

void lp_metrics_collect(void)
{
    pthread_mutex_lock(&lp_metrics_lock);
    size_t n = n_collectors;
    pthread_mutex_unlock(&lp_metrics_lock);
    for (size_t i = 0; i < n; i++) /* entries below n never change again */
        collectors[i].call(collectors[i].user);
}

struct lp_metric_family *lp_metrics_first_locked(void)
{
    return first;
}
