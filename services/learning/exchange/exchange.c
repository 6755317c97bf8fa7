/* services/learning/exchange/exchange.c -- what all formats have in common. No state. */
#include "services/learning/exchange/exchange.h"

#include <string.h>

#include "base/utf8.h"
#include "services/learning/exchange/collect.h"
#include "services/learning/exchange/jsonld.h"
#include "services/learning/exchange/sheet.h"
#include "services/learning/exchange/turtle.h"

const char *const exchange_names[EXCHANGE_FORMATS + 1] = { "turtle", "jsonld", "csv", "anki",
                                                           NULL };
const char *const exchange_types[EXCHANGE_FORMATS] = { "text/turtle; charset=utf-8",
                                                       "application/ld+json; charset=utf-8",
                                                       "text/csv; charset=utf-8; header=present",
                                                       "text/plain; charset=utf-8" };

/* UTF-8 without NUL, which PostgreSQL has no place for. */
static int check_text(const char *text, size_t len, struct lp_error *err)
{
    unsigned line = 1;
    for (size_t i = 0; i < len;) {
        size_t n = text[i] ? lp_utf8_sequence(text + i, len - i) : 0;
        if (n == 0)
            return lp_error_set(err, LP_E_INVALID, "line %u: a byte that is no UTF-8 text (0x%02x)",
                                line, (unsigned)(unsigned char)text[i]);
        line += text[i] == '\n';
        i += n;
    }
    return 0;
}

static int read_all(enum exchange_format format, struct collect *c, const char *text, size_t len,
                    const struct exchange_defaults *d, struct lp_error *err)
{
    switch (format) {
    case EXCHANGE_TURTLE:
        return turtle_read(c, text, len, err);
    case EXCHANGE_JSONLD:
        return jsonld_read(c, text, len, err);
    case EXCHANGE_CSV:
        return sheet_read_csv(c, text, len, d, err);
    default:
        return sheet_read_anki(c, text, len, d, err);
    }
}

int exchange_read(enum exchange_format format, const char *text, size_t len,
                  const struct exchange_defaults *defaults, struct exchange *ret,
                  struct lp_error *err)
{
    static const char mark[] = "\xef\xbb\xbf"; /* of the byte order, as Excel writes it */
    auto_collect struct collect c;

    collect_init(&c);
    if (len > EXCHANGE_BYTES)
        return lp_error_set(err, LP_E_TOO_LARGE, "a document must have at most %zu bytes, has %zu",
                            EXCHANGE_BYTES, len);
    if (len >= 3 && memcmp(text, mark, 3) == 0) {
        text += 3;
        len -= 3;
    }
    int r = check_text(text, len, err);
    if (r == 0)
        r = read_all(format, &c, text, len, defaults, err);
    return r < 0 ? r : collect_end(&c, ret, err);
}

int exchange_write(enum exchange_format format, const json_t *classes, const json_t *items,
                   struct lp_buf *ret_text, struct lp_error *err)
{
    if (format == EXCHANGE_TURTLE)
        turtle_write(classes, items, ret_text);
    else if (format == EXCHANGE_JSONLD)
        jsonld_write(classes, items, ret_text);
    else if (format == EXCHANGE_CSV)
        sheet_write_csv(items, ret_text);
    else
        sheet_write_anki(items, ret_text);
    return ret_text->overflowed ? lp_error_set(err, LP_E_TOO_LARGE,
                                               "an export of more than %zu "
                                               "bytes: ask for fewer items",
                                               ret_text->max)
                                : 0;
}
