/* services/ai-worker/speech/dictionary.c -- see dictionary.h. No state but the file's bytes. */
#include "services/ai-worker/speech/dictionary.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/alloc.h"

#define SLOTS 512 /* of a table for the words that are looked for; a power of two */

struct dictionary {
    const char *bytes;
    size_t size;
};

int dictionary_new(const char *path, struct dictionary **ret_dictionary, struct lp_error *err)
{
    lp_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
        return lp_error_set(err, LP_E_NOT_FOUND,
                            "dictionary: %s is not there: install pocketsphinx-en-us, or set "
                            "MODEL_DIR",
                            path);
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return lp_error_set(err, LP_E_INTERNAL, "dictionary: %s cannot be mapped", path);
    struct dictionary *d = lp_alloc(sizeof *d);
    *d = (struct dictionary){ bytes, (size_t)st.st_size };
    *ret_dictionary = d;
    return 0;
}

void dictionary_free(struct dictionary *d)
{
    if (!d)
        return;
    munmap((void *)(uintptr_t)d->bytes, d->size);
    free(d);
}

static uint32_t hash(const char *word, size_t n)
{
    uint32_t h = 2166136261U;

    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)word[i]) * 16777619U;
    return h;
}

/* Bytes of the word at the start of a line: up to a blank, or the ( of another way. */
static size_t word_length(const char *line, size_t n)
{
    size_t i = 0;

    while (i < n && line[i] != ' ' && line[i] != '(')
        i++;
    return i;
}

static void add_way(struct dictionary_entry *entry, const char *line, size_t n)
{
    const char *blank = memchr(line, ' ', n);

    if (!blank || entry->n == DICTIONARY_WAYS)
        return;
    size_t rest = n - (size_t)(blank + 1 - line);
    if (rest == 0 || rest >= DICTIONARY_PHONES)
        return;
    memcpy(entry->ways[entry->n], blank + 1, rest);
    entry->ways[entry->n++][rest] = '\0';
}

/* A word that occurs twice has two entries: they are chained. */
struct table {
    size_t slots[SLOTS]; /* index + 1 of the first entry with this hash; 0: none */
    size_t *next;
};

static void look_up(const struct table *table, struct dictionary_entry *entries, const char *line,
                    size_t n)
{
    size_t length = word_length(line, n);

    for (size_t i = table->slots[hash(line, length) % SLOTS]; i > 0; i = table->next[i - 1])
        if (strlen(entries[i - 1].word) == length && memcmp(entries[i - 1].word, line, length) == 0)
            add_way(&entries[i - 1], line, n);
}

void dictionary_find(const struct dictionary *d, struct dictionary_entry *entries, size_t n)
{
    struct table table = { .next = lp_calloc(n + 1, sizeof *table.next) };
    const char *end = d->bytes + d->size;

    for (size_t i = 0; i < n; i++) {
        size_t *slot = &table.slots[hash(entries[i].word, strlen(entries[i].word)) % SLOTS];
        table.next[i] = *slot;
        *slot = i + 1;
    }
    for (const char *line = d->bytes; line < end;) {
        const char *feed = memchr(line, '\n', (size_t)(end - line));
        size_t length = (size_t)((feed ? feed : end) - line);
        look_up(&table, entries, line, length);
        line += length + 1;
    }
    free(table.next);
    (void)madvise((void *)(uintptr_t)d->bytes, d->size, MADV_DONTNEED); /* all of it was read */
}
