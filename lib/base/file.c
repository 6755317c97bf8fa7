/* lib/base/file.c -- reads small files of configuration. No state, any thread. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/limits.h"

int lp_file_read(const char *path, const char *what, char **ret_text, struct lp_error *err)
{
    lp_auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(LP_LIMIT_CONFIG_BYTES);
    char part[4096];
    ssize_t n = -1;

    if (fd < 0)
        return lp_error_set(err, errno == ENOENT ? LP_E_NOT_FOUND : LP_E_INVALID,
                            "%s: cannot read %s: %s", what, path, strerror(errno));
    while (!b.overflowed && (n = read(fd, part, sizeof part)) > 0)
        lp_buf_add(&b, part, (size_t)n);
    if (b.overflowed)
        return lp_error_set(err, LP_E_TOO_LARGE, "%s: %s is over %d bytes", what, path,
                            LP_LIMIT_CONFIG_BYTES);
    if (n < 0)
        return lp_error_set(err, LP_E_INVALID, "%s: cannot read %s: %s", what, path,
                            strerror(errno));
    if (strlen(b.ptr) != b.len)
        return lp_error_set(err, LP_E_INVALID, "%s: %s holds a NUL byte", what, path);
    *ret_text = lp_buf_take(&b);
    return 0;
}
