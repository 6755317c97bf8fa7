/* services/auth/privacy/master.c -- see master.h. No state. */
#include "services/auth/privacy/master.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/file.h"

#define FIELD "spec.privacy.masterKeyRef (PRIVACY_KEY_DIR)"

static int read_key(const char *dir, const char *name, struct master *ret, struct lp_error *err)
{
    struct lp_error why;
    lp_auto_free char *path = lp_sprintf("%s/%s", dir, name);
    char *text = NULL;
    struct lp_buf bytes = LP_BUF_INIT(4096);
    int r = lp_file_read(path, name, &text, &why);
    if (r == LP_E_NOT_FOUND)
        return lp_error_set(err, LP_E_NOT_FOUND,
                            FIELD ": the Secret is not there, or has no key %s", name);
    bool good = r == 0 && lp_base64_decode(text, strlen(text), &bytes) && bytes.len == SEAL_KEY;
    if (good) {
        memcpy(ret->key, bytes.ptr, SEAL_KEY);
        seal_name_key(ret->key, ret->id);
    }
    if (text)
        OPENSSL_cleanse(text, strlen(text));
    OPENSSL_cleanse(bytes.ptr, bytes.len);
    free(text);
    lp_buf_done(&bytes);
    if (!good)
        return lp_error_set(err, LP_E_INVALID,
                            FIELD ": the Secret's key %s must be base64 of 32 bytes "
                                  "(openssl rand -base64 32)",
                            name);
    return 0;
}

int masters_read(const char *dir, struct masters *ret_masters, struct lp_error *err)
{
    struct masters m = { 0 };
    int r = read_key(dir, "current", &m.current, err);
    if (r == 0)
        r = read_key(dir, "previous", &m.previous, err);
    else if (r == LP_E_NOT_FOUND)
        err->code = r = LP_E_INVALID;
    if (r == 0 || (r == LP_E_NOT_FOUND && m.current.id[0])) {
        *ret_masters = m;
        r = 0;
    }
    OPENSSL_cleanse(&m, sizeof m);
    return r;
}

const struct master *masters_find(const struct masters *m, const char *id)
{
    if (id[0] && strcmp(m->current.id, id) == 0)
        return &m->current;
    return id[0] && strcmp(m->previous.id, id) == 0 ? &m->previous : NULL;
}
