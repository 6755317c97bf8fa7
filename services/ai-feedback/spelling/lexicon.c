/*
 * services/ai-feedback/spelling/lexicon.c -- the automaton, made from sorted words by Daciuk's
 * incremental construction (Computational Linguistics 26(1), 2000): nodes with equal continuations
 * are one. A node is the index of its first edge; the edges of a node stand together.
 */
#include "services/ai-feedback/spelling/lexicon.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "services/ai-feedback/spelling/affix.h"
#include "services/ai-feedback/spelling/newer_words.h"

#define EDGES_MAX (1u << 22)
#define FANOUT 128 /* different letters at one place */

struct edge {
    uint32_t to; /* first edge of the node behind it; 0: no edge there */
    unsigned char letter, bits;
    bool last; /* of its node */
};

struct lexicon {
    struct edge *edges;
    uint32_t n, cap, root;
};

/* ---- the words as they are read ---- */

struct words {
    char *text; /* each word in lower case behind a byte with its bits */
    size_t len, cap;
    uint32_t *at;
    size_t n, n_cap;
};

static unsigned bits_of(const char *word)
{
    size_t upper = 0;
    for (const char *c = word; *c; c++)
        upper += *c >= 'A' && *c <= 'Z';
    if (upper == 0)
        return LEXICON_LOWER;
    return upper == 1 && *word >= 'A' && *word <= 'Z' ? LEXICON_NAME : LEXICON_OTHER;
}

static void add_word(const char *word, bool shy, void *user)
{
    struct words *w = user;
    size_t len = strlen(word);

    if (w->len + len + 2 > w->cap) {
        w->cap = w->cap ? 2 * w->cap : 1 << 22;
        w->text = lp_realloc(w->text, w->cap);
    }
    if (w->n == w->n_cap) {
        w->n_cap = w->n_cap ? 2 * w->n_cap : 1 << 18;
        w->at = lp_realloc(w->at, w->n_cap * sizeof *w->at);
    }
    w->at[w->n++] = (uint32_t)w->len;
    w->text[w->len++] = (char)(bits_of(word) | (shy ? LEXICON_SHY : 0));
    for (size_t i = 0; i <= len; i++)
        w->text[w->len++] = (char)(word[i] >= 'A' && word[i] <= 'Z' ? word[i] | 0x20 : word[i]);
}

static int compare(const void *a, const void *b, void *text)
{
    const char *t = text;
    return strcmp(t + *(const uint32_t *)a + 1, t + *(const uint32_t *)b + 1);
}

/* ---- the automaton ---- */

struct open_node {
    struct edge edges[FANOUT];
    unsigned n;
};

struct builder {
    struct lexicon *x;
    struct open_node open[AFFIX_WORD]; /* by depth: the way of the last word */
    uint32_t *table;                   /* nodes by the hash of their edges; 0: free */
    uint32_t size, used;
};

static uint32_t hash_edges(const struct edge *e, unsigned n)
{
    uint64_t h = LP_HASH_START;

    for (unsigned i = 0; i < n; i++) {
        h = lp_hash_bytes(h, &e[i].to, sizeof e[i].to);
        h = lp_hash_bytes(h, (const unsigned char[]){ e[i].letter, e[i].bits }, 2);
    }
    return (uint32_t)(h ^ h >> 32);
}

static bool same_edges(const struct lexicon *x, uint32_t node, const struct edge *e, unsigned n)
{
    const struct edge *f = &x->edges[node];
    for (unsigned i = 0; i < n; i++)
        if (f[i].to != e[i].to || f[i].letter != e[i].letter || f[i].bits != e[i].bits ||
            f[i].last != (i + 1 == n))
            return false;
    return true;
}

static uint32_t append_edges(struct lexicon *x, const struct edge *e, unsigned n)
{
    uint32_t node = x->n;

    while (x->n + n > x->cap) {
        x->cap = x->cap ? 2 * x->cap : 1 << 17;
        x->edges = lp_realloc(x->edges, x->cap * sizeof *x->edges);
    }
    for (unsigned i = 0; i < n; i++) {
        x->edges[x->n] = e[i];
        x->edges[x->n++].last = i + 1 == n;
    }
    return node;
}

static void grow_table(struct builder *b)
{
    uint32_t size = 2 * b->size, *table = lp_calloc(size, sizeof *table);

    for (uint32_t i = 0; i < b->size; i++) {
        uint32_t node = b->table[i];
        if (!node)
            continue;
        unsigned n = 1;
        while (!b->x->edges[node + n - 1].last)
            n++;
        uint32_t at = hash_edges(&b->x->edges[node], n) & (size - 1);
        while (table[at])
            at = (at + 1) & (size - 1);
        table[at] = node;
    }
    free(b->table);
    b->table = table;
    b->size = size;
}

/* The node with these edges, made where there is none yet. */
static uint32_t node_of(struct builder *b, const struct open_node *o)
{
    uint32_t at = hash_edges(o->edges, o->n) & (b->size - 1);

    if (o->n == 0)
        return 0;
    for (; b->table[at]; at = (at + 1) & (b->size - 1))
        if (same_edges(b->x, b->table[at], o->edges, o->n))
            return b->table[at];
    b->table[at] = append_edges(b->x, o->edges, o->n);
    uint32_t node = b->table[at];
    if (2 * ++b->used > b->size)
        grow_table(b);
    return node;
}

/* Closes the nodes of the last word below `depth`. */
static void close_below(struct builder *b, size_t depth, size_t last_len)
{
    for (size_t d = last_len; d > depth; d--) {
        struct open_node *above = &b->open[d - 1];
        above->edges[above->n - 1].to = node_of(b, &b->open[d]);
        b->open[d].n = 0;
    }
}

static void build(struct builder *b, const struct words *w)
{
    const char *last = "";
    size_t last_len = 0;

    for (size_t i = 0; i < w->n; i++) {
        const char *word = w->text + w->at[i] + 1;
        unsigned char bits = (unsigned char)w->text[w->at[i]];
        size_t len = strlen(word), same = 0;
        while (same < len && word[same] == last[same])
            same++;
        if (same < len && b->open[same].n == FANOUT)
            continue;
        close_below(b, same, last_len);
        for (size_t d = same; d < len; d++) {
            struct open_node *o = &b->open[d];
            o->edges[o->n++] = (struct edge){ .letter = (unsigned char)word[d] };
        }
        struct open_node *end = &b->open[len - 1];
        end->edges[end->n - 1].bits |= bits;
        last = word;
        last_len = len;
    }
    close_below(b, 0, last_len);
    b->x->root = node_of(b, &b->open[0]);
}

static struct lexicon *automaton_of(struct words *w)
{
    struct builder *b = lp_alloc(sizeof *b);
    struct lexicon *x = lp_alloc(sizeof *x);
    const struct edge unused = { .last = true };

    if (w->n > 0)
        qsort_r(w->at, w->n, sizeof *w->at, compare, w->text);
    b->x = x;
    b->size = 1 << 17;
    b->table = lp_calloc(b->size, sizeof *b->table);
    append_edges(x, &unused, 1); /* so that 0 is no node */
    build(b, w);
    x->edges = lp_realloc(x->edges, x->n * sizeof *x->edges);
    free(b->table);
    free(b);
    return x;
}

static int read_words(const char *folder, const char *name, struct words *w, struct lp_error *err)
{
    lp_auto_free char *aff = lp_sprintf("%s/%s.aff", folder, name);
    lp_auto_free char *dic = lp_sprintf("%s/%s.dic", folder, name);
    return affix_expand(aff, dic, add_word, w, err);
}

static void add_newer_words(struct words *w)
{
    char word[LEXICON_WORD];

    for (const char *at = newer_words; *at; at += strcspn(at, " "), at += *at == ' ') {
        size_t n = strcspn(at, " ");
        if (n >= sizeof word)
            continue;
        memcpy(word, at, n);
        word[n] = '\0';
        add_word(word, true, w);
    }
}

int lexicon_new(const char *dialect, const char *folder, struct lexicon **ret_lexicon,
                struct lp_error *err)
{
    struct words w = { 0 };
    int r = 0;

    if (strcmp(dialect, "en-GB") != 0)
        r = read_words(folder, "en_US", &w, err);
    if (r == 0 && strcmp(dialect, "en-US") != 0)
        r = read_words(folder, "en_GB", &w, err);
    if (r == 0) {
        add_newer_words(&w);
        *ret_lexicon = automaton_of(&w);
    }
    free(w.text);
    free(w.at);
    return r;
}

void lexicon_free(struct lexicon *x)
{
    if (!x)
        return;
    free(x->edges);
    free(x);
}

unsigned lexicon_find(const struct lexicon *x, const char *word, size_t len)
{
    uint32_t node = x->root;
    unsigned bits = 0;

    for (size_t i = 0; i < len; i++) {
        const struct edge *e = node ? &x->edges[node] : NULL;
        while (e && e->letter != (unsigned char)word[i])
            e = e->last ? NULL : e + 1;
        if (!e)
            return 0;
        node = e->to;
        bits = e->bits;
    }
    return bits;
}

/* ---- search ---- */

struct search {
    const struct lexicon *x;
    const char *word;
    size_t len;
    unsigned max;
    lexicon_each *each;
    void *user;
    char path[LEXICON_WORD + 2];
    uint8_t rows[LEXICON_WORD + 3][LEXICON_WORD]; /* of the distance table, by depth */
};

static uint8_t least(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

/* The row of path[0..depth), within `max` of the diagonal; returns its least value. */
static uint8_t next_row(struct search *s, size_t depth)
{
    const uint8_t *above = s->rows[depth - 1];
    uint8_t *row = s->rows[depth];
    size_t from = depth > s->max ? depth - s->max : 0, to = depth + s->max;
    uint8_t best = 9;
    char letter = s->path[depth - 1];

    to = to < s->len ? to : s->len;
    memset(row, 9, s->len + 1);
    for (size_t j = from; j <= to; j++) {
        uint8_t d = (uint8_t)(above[j] + 1);
        if (j > 0) {
            d = least(d, (uint8_t)(row[j - 1] + 1));
            d = least(d, (uint8_t)(above[j - 1] + (s->word[j - 1] != letter)));
        }
        if (j > 1 && depth > 1 && s->word[j - 1] == s->path[depth - 2] && s->word[j - 2] == letter)
            d = least(d, (uint8_t)(s->rows[depth - 2][j - 2] + 1));
        row[j] = d;
        best = least(best, d);
    }
    return best;
}

static void walk(struct search *s, uint32_t node, size_t depth, unsigned max)
{
    const struct edge *e = &s->x->edges[node];

    if (!node || depth >= s->len + max || depth + 1 >= LEXICON_WORD)
        return;
    for (;; e++) {
        s->path[depth] = (char)e->letter;
        unsigned limit = depth == 0 && s->path[0] != s->word[0] ? 1 : max;
        /* A swap may still make one edit of what are two up to here. */
        if (next_row(s, depth + 1) <= limit) {
            uint8_t edits = s->rows[depth + 1][s->len];
            if (e->bits && edits <= limit) {
                s->path[depth + 1] = '\0';
                s->each(s->path, depth + 1, e->bits, edits, s->user);
            }
            walk(s, e->to, depth + 1, limit);
        }
        if (e->last)
            return;
    }
}

void lexicon_near(const struct lexicon *x, const char *word, size_t len, unsigned max,
                  lexicon_each *each, void *user)
{
    struct search s = { .x = x, .word = word, .len = len, .max = max, .each = each, .user = user };

    if (len == 0 || len >= LEXICON_WORD)
        return;
    for (size_t j = 0; j <= len; j++)
        s.rows[0][j] = (uint8_t)(j <= max ? j : 9);
    walk(&s, x->root, 0, max);
}
