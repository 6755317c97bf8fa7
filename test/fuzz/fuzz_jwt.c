/* test/fuzz/fuzz_jwt.c -- any text is refused, or is a token whose claims can be signed again. */
#include <stdint.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "service/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lp_jwt_keys *keys;
    lp_auto_free char *token = NULL;
    json_auto_t *claims = NULL;
    struct lp_error err;

    if (!keys &&
        (lp_jwt_keys_new("secret-one,secret-two", &keys, &err) < 0 ||
         lp_jwt_keys_add_private(keys, "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A", &err) < 0))
        abort();
    if (lp_jwt_verify(keys, (const char *)data, size, &lp_jwt_access, 1, &claims, &err) < 0)
        return 0;
    if (!json_is_object(claims) ||
        (lp_jwt_sign(keys, claims, &token, &err) < 0 && err.code != LP_E_TOO_LARGE))
        abort();
    return 0;
}
