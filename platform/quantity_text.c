/* platform/quantity_text.c -- canonical quantities. Pure. */
#include "platform/quantity_text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *value, char room[LP_QUANTITY_TEXT])
{
    if (json_is_integer(value)) {
        snprintf(room, LP_QUANTITY_TEXT, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return room;
    }
    return json_is_string(value) ? json_string_value(value) : "";
}

int quantity_milli(const json_t *value, int64_t *ret_milli, struct lp_error *err)
{
    char room[LP_QUANTITY_TEXT];
    return lp_quantity_parse(text_of(value, room), ret_milli, err);
}

/* The largest suffix that leaves a whole number. */
static void format_units(int64_t units, int64_t step, const char *const *suffixes, unsigned n,
                         char ret_text[LP_QUANTITY_TEXT])
{
    unsigned i = 0;
    while (units != 0 && units % step == 0 && i + 1 < n) {
        units /= step;
        i++;
    }
    snprintf(ret_text, LP_QUANTITY_TEXT, "%" PRId64 "%s", units, suffixes[i]);
}

void quantity_canonical(const json_t *value, char ret_text[LP_QUANTITY_TEXT])
{
    static const char *const decimal[] = { "", "k", "M", "G", "T", "P" };
    static const char *const binary[] = { "", "Ki", "Mi", "Gi", "Ti", "Pi" };
    char room[LP_QUANTITY_TEXT];
    const char *text = text_of(value, room);
    int64_t milli = 0;
    struct lp_error ignored;

    if (lp_quantity_parse(text, &milli, &ignored) < 0)
        milli = 0;
    size_t len = strlen(text);
    bool is_binary = len > 0 && text[len - 1] == 'i';
    if (milli % 1000 != 0)
        snprintf(ret_text, LP_QUANTITY_TEXT, "%" PRId64 "m", milli);
    else if (is_binary && milli >= 1024000)
        format_units(milli / 1000, 1024, binary, 6, ret_text);
    else
        format_units(milli / 1000, 1000, decimal, 6, ret_text);
}

int64_t quantity_wait_ms(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    int64_t n = digits >= 1 && digits <= 5 ? strtol(text, NULL, 10) : -1;

    if (strcmp(text + digits, "s") == 0)
        n *= 1000;
    else if (strcmp(text + digits, "ms") != 0)
        n = -1;
    return n >= 1 && n <= 60000 ? n : -1;
}
