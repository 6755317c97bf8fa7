/*
 * services/ai-feedback/spelling/model.c -- reads the model where it lies. Of a reversed trie: under
 * each word those that may stand before it, under each of these those before them. Little-endian:
 *   "Trie Language Model", u8 order = 3, u32 counts[3], u32 unused,
 *   f32 tables of 65536: probability and back-off of bigrams, probability of trigrams,
 *   { f32 probability, f32 back-off, u32 next }[counts[0] + 1],
 *   bigrams, bit-packed: word, back-off 16, probability 16, next; one more at the end,
 *   trigrams, bit-packed: word, probability 16; each of both parts ends with 8 bytes of padding,
 *   u32 length, the words in order, each with its NUL.
 * Logarithms have the base 1.0001.
 */
#include "services/ai-feedback/spelling/model.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/alloc.h"

#define HEAD "Trie Language Model"
#define HEAD_BYTES (sizeof HEAD - 1 + 17) /* its name, a digit and four numbers of 4 bytes */
#define TABLE 65536
#define NAT 0.99995000333308e-4 /* ln 1.0001 */

struct part {
    const unsigned char *bytes;
    unsigned bits, word_bits; /* of an entry, of its word */
    uint32_t n;
};

struct model {
    void *map;
    size_t size;
    uint32_t counts[3];
    const unsigned char *tables, *unigrams;
    struct part bigrams, trigrams;
    unsigned next_bits;
    const char *words;
    uint32_t *word_at; /* owned: where each begins in `words` */
    int start, end;
};

static uint32_t u32(const unsigned char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static float f32(const unsigned char *p)
{
    float v;
    memcpy(&v, p, sizeof v);
    return v;
}

static unsigned bits_for(uint32_t max)
{
    unsigned n = 0;
    for (; max; max >>= 1)
        n++;
    return n;
}

/* `n` at most 25. */
static uint32_t bits_at(const unsigned char *bytes, uint64_t bit, unsigned n)
{
    return (u32(bytes + bit / 8) >> (bit & 7)) & ((1u << n) - 1);
}

static size_t part_bytes(const struct part *p)
{
    return ((size_t)(p->n + 1) * p->bits + 7) / 8 + 8;
}

/* Where the parts lie; false where the file is too short for them. */
static bool lay_out(struct model *m, size_t *ret_words)
{
    size_t at = HEAD_BYTES, n = m->counts[0];

    m->tables = (const unsigned char *)m->map + at;
    at += 3 * sizeof(float) * TABLE;
    m->unigrams = (const unsigned char *)m->map + at;
    at += (n + 1) * 12;
    unsigned word_bits = bits_for(m->counts[0]);
    m->next_bits = bits_for(m->counts[2]);
    m->bigrams = (struct part){ (const unsigned char *)m->map + at, word_bits + 32 + m->next_bits,
                                word_bits, m->counts[1] };
    at += part_bytes(&m->bigrams);
    if (at > m->size)
        return false;
    m->trigrams = (struct part){ (const unsigned char *)m->map + at, word_bits + 16, word_bits,
                                 m->counts[2] };
    at += part_bytes(&m->trigrams);
    *ret_words = at;
    return at + 4 <= m->size;
}

static bool read_words(struct model *m, size_t at)
{
    uint32_t bytes = u32((const unsigned char *)m->map + at), done = 0;

    if (bytes > m->size - at - 4)
        return false;
    m->words = (const char *)m->map + at + 4;
    m->word_at = lp_calloc(m->counts[0], sizeof *m->word_at);
    for (uint32_t i = 0; i < m->counts[0]; i++) {
        const char *end = memchr(m->words + done, '\0', bytes - done);
        if (!end)
            return false;
        m->word_at[i] = done;
        done = (uint32_t)(end - m->words) + 1;
    }
    return true;
}

static bool read_model(struct model *m)
{
    const unsigned char *p = m->map;
    size_t words;

    if (m->size < HEAD_BYTES || memcmp(p, HEAD, sizeof HEAD - 1) != 0 || p[sizeof HEAD - 1] != 3)
        return false;
    for (size_t i = 0; i < 3; i++) {
        m->counts[i] = u32(p + sizeof HEAD + 4 * i);
        if (m->counts[i] == 0 || m->counts[i] >= 1u << 24)
            return false;
    }
    if (!lay_out(m, &words) || !read_words(m, words))
        return false;
    m->start = model_word(m, "<s>", 3);
    m->end = model_word(m, "</s>", 4);
    return m->start >= 0 && m->end >= 0;
}

int model_open(const char *folder, struct model **ret_model, struct lp_error *err)
{
    lp_auto_free char *path = lp_sprintf("%s/en-us.lm.bin", folder);
    lp_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0)
        return lp_error_set(err, LP_E_NOT_FOUND,
                            "language model %s cannot be read: install the package "
                            "pocketsphinx-en-us, or set MODEL_DIR",
                            path);
    struct model *m = lp_alloc(sizeof *m);
    m->size = (size_t)st.st_size;
    m->map = m->size ? mmap(NULL, m->size, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (m->map == MAP_FAILED || !read_model(m)) {
        model_close(m);
        return lp_error_set(err, LP_E_INVALID,
                            "%s is no trigram model in pocketsphinx's binary trie format", path);
    }
    *ret_model = m;
    return 0;
}

void model_let_go(const struct model *m)
{
    /* Neither has to succeed: then the pages stay. */
    (void)madvise(m->map, m->size, MADV_COLD);
    (void)madvise(m->map, m->size, MADV_DONTNEED);
}

void model_close(struct model *m)
{
    if (!m)
        return;
    if (m->map != MAP_FAILED)
        munmap(m->map, m->size);
    free(m->word_at);
    free(m);
}

int model_start(const struct model *m)
{
    return m->start;
}

int model_end(const struct model *m)
{
    return m->end;
}

int model_word(const struct model *m, const char *word, size_t len)
{
    uint32_t low = 0, high = m->counts[0];

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        const char *w = m->words + m->word_at[mid];
        int c = strncmp(word, w, len);
        if (c == 0 && w[len] == '\0')
            return (int)mid;
        if (c > 0)
            low = mid + 1;
        else
            high = mid;
    }
    return MODEL_UNKNOWN;
}

/* The entry of `word` among [from, to), which are in order. */
static bool find(const struct part *p, uint32_t from, uint32_t to, uint32_t word, uint64_t *ret_bit)
{
    to = to <= p->n ? to : p->n;
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        uint32_t w = bits_at(p->bytes, (uint64_t)mid * p->bits, p->word_bits);
        if (w == word) {
            *ret_bit = (uint64_t)mid * p->bits + p->word_bits;
            return true;
        }
        if (w < word)
            from = mid + 1;
        else
            to = mid;
    }
    return false;
}

static double quantised(const struct model *m, unsigned table, uint32_t i)
{
    return (double)f32(m->tables + (table * TABLE + i) * sizeof(float));
}

static const unsigned char *unigram(const struct model *m, int word)
{
    return m->unigrams + (size_t)word * 12;
}

static bool find_bigram(const struct model *m, int word, int before, uint64_t *ret_bit)
{
    const unsigned char *u = unigram(m, word);
    return find(&m->bigrams, u32(u + 8), u32(u + 20), (uint32_t)before, ret_bit);
}

/* The back-off of the pair `before2 before`, 0 where the model does not have it. */
static double pair_backoff(const struct model *m, int before, int before2)
{
    uint64_t bit;
    if (before2 < 0 || !find_bigram(m, before, before2, &bit))
        return 0;
    return quantised(m, 1, bits_at(m->bigrams.bytes, bit, 16));
}

double model_score(const struct model *m, int word, int before, int before2)
{
    uint64_t bit, longest;

    if (word < 0)
        return MODEL_FLOOR;
    double p = (double)f32(unigram(m, word));
    if (before < 0)
        return p * NAT;
    if (!find_bigram(m, word, before, &bit))
        return NAT * (p + (double)f32(unigram(m, before) + 4) + pair_backoff(m, before, before2));
    p = quantised(m, 0, bits_at(m->bigrams.bytes, bit + 16, 16));
    if (before2 < 0)
        return p * NAT;
    uint64_t next = bit + 32;
    uint32_t from = bits_at(m->bigrams.bytes, next, m->next_bits);
    uint32_t to = bits_at(m->bigrams.bytes, next + m->bigrams.bits, m->next_bits);
    if (find(&m->trigrams, from, to, (uint32_t)before2, &longest))
        return NAT * quantised(m, 2, bits_at(m->trigrams.bytes, longest, 16));
    return NAT * (p + pair_backoff(m, before, before2));
}
