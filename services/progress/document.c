/* services/progress/document.c -- documents of the collection activitylogs, and their ids. No
 * state. */
#include "services/progress/document.h"

#include <math.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static void append_number(bson_t *b, const char *key, double v)
{
    if (v == trunc(v) && fabs(v) <= INT32_MAX)
        bson_append_int32(b, key, -1, (int32_t)v);
    else
        bson_append_double(b, key, -1, v);
}

void document_of_activity(const struct activity *a, const bson_oid_t *id, int64_t now_ms,
                          bson_t *ret_document)
{
    bson_append_oid(ret_document, "_id", -1, id);
    bson_append_utf8(ret_document, "userId", -1, a->user_id, -1);
    bson_append_utf8(ret_document, "activityName", -1, a->name, -1);
    if (a->has_duration)
        append_number(ret_document, "activityDuration", a->duration);
    if (a->has_score)
        append_number(ret_document, "score", a->score);
    if (a->comment)
        bson_append_utf8(ret_document, "comment", -1, a->comment, -1);
    if (a->feedback.n > 0)
        feedback_append(&a->feedback, "feedback", ret_document);
    bson_append_date_time(ret_document, "createdAt", -1, now_ms);
    bson_append_date_time(ret_document, "updatedAt", -1, now_ms);
    bson_append_int32(ret_document, "__v", -1, 0);
}

json_t *document_number(double v)
{
    if (!isfinite(v))
        return json_null();
    return v == trunc(v) && fabs(v) < 9007199254740992.0 ? json_integer((json_int_t)v)
                                                         : json_real(v);
}

void document_id_of_key(const char *user_id, const char *key, bson_oid_t *ret_id)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_MD_CTX *c = EVP_MD_CTX_new();

    /* The NUL between them keeps ("a", "bc") and ("ab", "c") apart. */
    if (!c || !EVP_DigestInit_ex(c, EVP_sha256(), NULL) ||
        !EVP_DigestUpdate(c, user_id, strlen(user_id) + 1) ||
        !EVP_DigestUpdate(c, key, strlen(key)) || !EVP_DigestFinal_ex(c, digest, &n))
        abort(); /* no memory, as in lp_alloc */
    EVP_MD_CTX_free(c);
    bson_oid_init_from_data(ret_id, digest);
}
