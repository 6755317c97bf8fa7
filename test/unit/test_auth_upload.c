/* Uploads: what kind of picture it is by its first bytes. */
#include <string.h>

#include "services/auth/accounts/picture.h"
#include "unit/check.h"

#define LITERAL(text) (text), sizeof(text) - 1

static void knows_pictures_by_their_first_bytes(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *type;
        unsigned width, height;
    } cases[] = {
        { LITERAL("\x89PNG\r\n\x1A\n\0\0\0\rIHDR\0\0\1\2\0\0\3\4\10\6\0\0\0....."), "image/png",
          258, 772 },
        { LITERAL("GIF89a\2\1\4\3\0\0\0"), "image/gif", 258, 772 },
        { LITERAL("\xFF\xD8\xFF\xE0\0\4JF\xFF\xC0\0\21\10\1\2\3\4\3..."), "image/jpeg", 772, 258 },
        { LITERAL("\xFF\xD8\xFF\xE1\0\4JF\xFF\xFF\xC2\0\21\10\1\2\3\4\3..."), "image/jpeg", 772,
          258 },
        { LITERAL("RIFF....WEBPVP8X\n\0\0\0\0\0\0\0\1\1\0\3\3\0......"), "image/webp", 258, 772 },
        { LITERAL("RIFF....WEBPVP8 ....\0\0\0\x9D\x01\x2A\2\1\4\3...."), "image/webp", 258, 772 },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct picture p = { 0 };
        if (!picture_read(cases[i].bytes, cases[i].len, &p))
            fail_msg("case %zu is not known", i);
        assert_string_equal(p.type, cases[i].type);
        assert_int_equal(p.width, cases[i].width);
        assert_int_equal(p.height, cases[i].height);
        for (size_t n = 0; n < cases[i].len; n++) {
            char *cut = malloc(n + 1);
            memcpy(cut, cases[i].bytes, n);
            picture_read(cut, n, &p); /* no byte behind the end */
            free(cut);
        }
    }
}

static void takes_nothing_else_for_a_picture(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        { LITERAL("") },
        { LITERAL("<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"></svg>") },
        { LITERAL("<!doctype html><script>alert(1)</script>...........................") },
        { LITERAL("\xFF\xD8\xFF\xDA\0\4JF\xFF\xC0\0\21\10\1\2\3\4\3...") },
        { LITERAL("\xFF\xD8\xFF\xE0\0\0JF\xFF\xC0\0\21\10\1\2\3\4\3...") },
        { LITERAL("GIF89a\0\0\4\3\0\0\0") },
        { LITERAL("%PDF-1.7 .........................................") },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct picture p;
        assert_false(picture_read(cases[i].bytes, cases[i].len, &p));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_pictures_by_their_first_bytes),
        cmocka_unit_test(takes_nothing_else_for_a_picture),
    };
    return cmocka_run_group_tests_name("auth_upload", tests, NULL, NULL);
}
