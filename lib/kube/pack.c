/* lib/kube/pack.c -- one compressor and one decompressor, each used by one thread at a time: a call
 * takes some microseconds. The tables are as small as objects are: with the library's own choice
 * they would take a megabyte.
 * What it buys: the anonymous memory of lp-operator with 100 platforms, 3,800 children, is 5 MiB
 * and 12 without; the bound is 40 MiB resident with 1,000. */
#include "kube/pack.h"

#include <pthread.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/alloc.h"

#define WINDOW_LOG 16 /* of model and text together */
#define HASH_LOG 12

struct lp_kube_packer {
    pthread_mutex_t lock;
    ZSTD_CCtx *in;
    ZSTD_DCtx *out;
};

struct lp_kube_packer *lp_kube_packer_new(void)
{
    struct lp_kube_packer *p = lp_alloc(sizeof *p);

    pthread_mutex_init(&p->lock, NULL);
    p->in = ZSTD_createCCtx();
    p->out = ZSTD_createDCtx();
    if (!p->in || !p->out)
        abort(); /* no memory, as in lp_alloc */
    ZSTD_CCtx_setParameter(p->in, ZSTD_c_compressionLevel, 1);
    ZSTD_CCtx_setParameter(p->in, ZSTD_c_windowLog, WINDOW_LOG);
    ZSTD_CCtx_setParameter(p->in, ZSTD_c_hashLog, HASH_LOG);
    ZSTD_CCtx_setParameter(p->in, ZSTD_c_contentSizeFlag, 0);
    return p;
}

void lp_kube_packer_free(struct lp_kube_packer *p)
{
    if (!p)
        return;
    ZSTD_freeCCtx(p->in);
    ZSTD_freeDCtx(p->out);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

void *lp_kube_pack(struct lp_kube_packer *p, const char *model, size_t model_len, const char *text,
                   size_t len, size_t *ret_len)
{
    lp_auto_free char *room = lp_alloc(len);

    pthread_mutex_lock(&p->lock);
    ZSTD_CCtx_refPrefix(p->in, model, model_len);
    size_t n = ZSTD_compress2(p->in, room, len, text, len);
    pthread_mutex_unlock(&p->lock);
    if (ZSTD_isError(n)) /* it does not fit into as many bytes as it has */
        return NULL;
    *ret_len = n;
    return lp_realloc(lp_take(room), n);
}

char *lp_kube_unpack(struct lp_kube_packer *p, const char *model, size_t model_len,
                     const void *packed, size_t packed_len, size_t len)
{
    lp_auto_free char *text = lp_alloc(len + 1);

    pthread_mutex_lock(&p->lock);
    ZSTD_DCtx_refPrefix(p->out, model, model_len);
    size_t n = ZSTD_decompressDCtx(p->out, text, len, packed, packed_len);
    pthread_mutex_unlock(&p->lock);
    return n == len ? lp_take(text) : NULL; /* an error is a number larger than any length */
}
