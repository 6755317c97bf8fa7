/* platform/intent.c -- see the header. */
#include "platform/intent.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/buf.h"
#include "json/json.h"

#define MAX_INTENT_BYTES (1 << 20)

void intent_digest(const json_t *o, char ret_hex[INTENT_DIGEST_TEXT])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(MAX_INTENT_BYTES);

    ret_hex[0] = '\0';
    lp_json_write(o, &text);
    EVP_Digest(text.ptr, text.len, digest, &n, EVP_sha256(), NULL);
    for (size_t i = 0; i < n && 2 * i + 2 < INTENT_DIGEST_TEXT; i++) {
        ret_hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        ret_hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
        ret_hex[2 * i + 2] = '\0';
    }
}

bool intent_stamp_as(json_t *intent, const char *hash)
{
    if (strlen(hash) != INTENT_DIGEST_TEXT - 1)
        return false;
    json_t *metadata = json_object_get(intent, "metadata");
    json_t *annotations = json_object_get(metadata, "annotations");
    if (!annotations) {
        annotations = json_object();
        json_object_set_new(metadata, "annotations", annotations);
    }
    json_object_set_new(annotations, ANNOTATION_INTENT, json_string(hash));
    return true;
}

void intent_stamp(json_t *intent)
{
    char hex[INTENT_DIGEST_TEXT];

    intent_digest(intent, hex);
    intent_stamp_as(intent, hex);
}

const char *intent_hash(const json_t *object)
{
    const char *hash = lp_json_str(object, "metadata", "annotations", ANNOTATION_INTENT, NULL);
    return hash ? hash : "";
}
