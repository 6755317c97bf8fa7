/* Request bodies of any bytes: what is taken is an object, what is refused has a status. */
#include <stdint.h>
#include <stdlib.h>

#include "services/auth/http/body.h"
#include "services/auth/http/validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = { "application/json", "application/x-www-form-urlencoded" };
    for (int i = 0; i < 2; i++) {
        struct validate_account account = { 0 };
        struct lp_error err = { 0 };
        json_auto_t *body = NULL;
        if (body_parse(types[i], (const char *)data, size, &body, &err) < 0) {
            if (err.http_status < 400 || err.http_status > 499)
                abort();
            continue;
        }
        json_auto_t *details = validate_register(body, &account);
        if (!json_is_object(body) || (!details && (!account.password || !account.email[0])))
            abort();
    }
    return 0;
}
