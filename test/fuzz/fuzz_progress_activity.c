/* test/fuzz/fuzz_progress_activity.c -- bodies of any JSON: no operator and no empty text passes.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "json/json.h"
#include "services/progress/activity.h"
#include "services/progress/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    auto_activity struct activity a = { 0 };
    json_auto_t *o = NULL;
    struct lp_error err;
    bson_t document = BSON_INITIALIZER;
    bson_oid_t id;

    if (lp_json_parse((const char *)data, size, 100 * 1024, "body", &o, &err) < 0 ||
        activity_read(o, &a, &err) < 0)
        return 0;
    if (!a.user_id[0] || !a.name[0] || (a.has_score && !isfinite(a.score)))
        abort();
    document_id_of_key(a.user_id, "key", &id);
    document_of_activity(&a, &id, 0, &document);
    document_write_json(&document, &out);
    json_auto_t *back = json_loadb(out.ptr, out.len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(back))
        abort();
    bson_destroy(&document);
    return 0;
}
