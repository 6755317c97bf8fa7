/* test/fuzz/fuzz_learning_exchange.c -- any bytes are refused as content in each format, or make
 * items that come back the same from Turtle, JSON-LD and CSV. The first byte says which format. */
#include <stdint.h>
#include <stdlib.h>

#include "services/learning/exchange/exchange.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_back(enum exchange_format format, const struct exchange *e)
{
    static const struct exchange_defaults none = { NULL, NULL };
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(EXCHANGE_BYTES);
    auto_exchange struct exchange back = { 0 };
    struct lp_error err;

    if (exchange_write(format, e->classes, e->items, &text, &err) < 0)
        return; /* grown over the limit by what quotes and escapes add */
    if (exchange_read(format, text.ptr, text.len, &none, &back, &err) < 0)
        abort();
    if (!json_equal(back.items, e->items))
        abort();
    if (format != EXCHANGE_CSV && !json_equal(back.classes, e->classes))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct exchange_defaults defaults = { "Noun", "A1" };
    auto_exchange struct exchange e = { 0 };
    struct lp_error err = { 0 };

    if (size == 0)
        return 0;
    enum exchange_format format = (enum exchange_format)(data[0] % EXCHANGE_FORMATS);
    if (exchange_read(format, (const char *)data + 1, size - 1, &defaults, &e, &err) < 0) {
        if (!err.msg[0] || (err.code != LP_E_INVALID && err.code != LP_E_TOO_LARGE))
            abort();
        return 0;
    }
    check_back(EXCHANGE_TURTLE, &e);
    check_back(EXCHANGE_JSONLD, &e);
    check_back(EXCHANGE_CSV, &e);
    return 0;
}
