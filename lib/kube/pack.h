/* lib/kube/pack.h -- makes texts small that resemble a model, as the JSON of objects of one kind.
 */
#pragma once

#include <stddef.h>

/*
 * Zstandard (RFC 8878) with the model as its raw-content dictionary. The working memory, about
 * 200 kB, is shared by all who use one packer. Opaque: hides a lock; any thread.
 */
struct lp_kube_packer;

struct lp_kube_packer *lp_kube_packer_new(void);
void lp_kube_packer_free(struct lp_kube_packer *p);

/* A new buffer of the caller's with *ret_len bytes; NULL where it would not be smaller. */
void *lp_kube_pack(struct lp_kube_packer *p, const char *model, size_t model_len, const char *text,
                   size_t len, size_t *ret_len);

/* The text of `len` bytes, NUL-terminated, the caller's; `model` as it was when it was packed. NULL
 * where the bytes are not what lp_kube_pack gave. */
char *lp_kube_unpack(struct lp_kube_packer *p, const char *model, size_t model_len,
                     const void *packed, size_t packed_len, size_t len);
