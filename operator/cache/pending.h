/* operator/cache/pending.h -- writes of one kind that are under way, and what a watch has told of
 * their objects meanwhile: mostly the echo of the very write, which then need not be parsed. And
 * writes that a watch has still to tell of. No lock of its own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PENDING_VERSION 64

/* One write that has not been answered. */
struct pending {
    char *key;
    char version[PENDING_VERSION]; /* the newest that a watch told of; "": none */
    char *line;                    /* its event, not yet looked at; NULL: it was taken */
    size_t line_len;
};

struct pending_writes {
    struct pending *all;
    size_t n, cap;
};

void pending_done(struct pending_writes *w);

/* `key` is copied. One write an object at a time. */
void pending_begin(struct pending_writes *w, const char *key);
/* Ends it. *ret_told is the caller's, for pending_told_done; empty where no watch told anything. */
void pending_end(struct pending_writes *w, const char *key, struct pending *ret_told);
void pending_told_done(struct pending *told);
#define pending_auto __attribute__((cleanup(pending_told_done)))

/* Keeps a copy of the event's line for the write that is under way. False: there is none, or the
 * line is over 64 KiB; the event is to be taken as any other. */
bool pending_hold(struct pending_writes *w, const char *key, const char *version, const char *line,
                  size_t len);
/* An event was taken; `version` NULL: the object is gone. True where a write is under way. */
bool pending_taken(struct pending_writes *w, const char *key, const char *version);
/* A list begins, which tells all of it again. */
void pending_forget_lines(struct pending_writes *w);

/* Versions that were written and that a watch has not told of yet, for at most 5 s each. */
struct expected_versions {
    struct expected *all;
    size_t n, cap;
};

void expected_done(struct expected_versions *e);
/* Both texts are copied. */
void expected_add(struct expected_versions *e, const char *key, const char *version,
                  int64_t now_ms);
/* A watch told of this version; NULL: the object is gone. */
void expected_seen(struct expected_versions *e, const char *key, const char *version);
bool expected_has(struct expected_versions *e, const char *key, int64_t now_ms);
