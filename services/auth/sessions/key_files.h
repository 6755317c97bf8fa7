/* services/auth/sessions/key_files.h -- the keys of tokens, read from a mounted Secret, and again
 * when it changes. */
#pragma once

#include "base/error.h"
#include "services/auth/sessions/tokens.h"

/* Texts of the folder's files, the caller's. Initialise with { 0 }, end with _done, which wipes. */
struct key_files {
    char *access, *refresh, *signing; /* NULL: there is no such file */
};
void key_files_done(struct key_files *f);
#define auto_key_files __attribute__((cleanup(key_files_done)))

/*
 * The files `access`, `refresh` and `signing.pem` of `dir` ("": none), each at most 4 KiB, white
 * space at the end left out, into the empty *io_files; *io_options then borrows those that are
 * there. Checked. LP_E_INVALID, LP_E_TOO_LARGE; both may be changed all the same.
 */
LP_MUST_USE int key_files_read(const char *dir, struct key_files *io_files,
                               struct tokens_options *io_options, struct lp_error *err);

/* A thread that looks every KEY_FILES_LOOK_MS and gives the tokens what has changed. */
struct key_watch;

#define KEY_FILES_LOOK_MS 5000

/* `dir` "": no thread, NULL. `options` is what stands where a file is not; its texts, `dir` and the
 * tokens are borrowed until _free. LP_E_INTERNAL. */
LP_MUST_USE int key_watch_new(const char *dir, const struct tokens_options *options,
                              struct tokens *tokens, struct key_watch **ret_watch,
                              struct lp_error *err);
void key_watch_free(struct key_watch *w);

/* One look, as the thread takes it: true where other keys are in use now. What cannot be used is
 * logged once, and the former keys stay. Not beside the thread. */
bool key_watch_look(struct key_watch *w);
