/* test/fuzz/fuzz_yaml.c -- the YAML reader on any bytes: it refuses or gives documents that can be
 * written again. */
#include <stdint.h>
#include <stdlib.h>

#include "json/json.h"
#include "json/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(4 * 1024 * 1024);
    struct lp_error err;
    json_auto_t *documents = NULL;

    if (lp_yaml_parse((const char *)data, size, 65536, "input", &documents, &err) < 0)
        return 0;
    lp_json_write(documents, &out);
    if (out.len == 0)
        abort();
    return 0;
}
