/* lib/base/file.h -- small files of configuration, read whole. */
#pragma once

#include "base/error.h"

/*
 * Reads at most LP_LIMIT_CONFIG_BYTES of the file at `path` into *ret_text, a string of the
 * caller's (free()), which holds no NUL. Never waits (a FIFO without a writer is empty). `what`
 * names the file's purpose in the error. LP_E_NOT_FOUND where there is none, LP_E_TOO_LARGE,
 * LP_E_INVALID for all else (no right to read it, a folder, a NUL byte).
 */
LP_MUST_USE int lp_file_read(const char *path, const char *what, char **ret_text,
                             struct lp_error *err);
