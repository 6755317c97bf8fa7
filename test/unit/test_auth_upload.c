/* Uploads: the file inside a form, and what kind of picture it is by its first bytes. */
#include <string.h>

#include "services/auth/accounts/picture.h"
#include "services/auth/http/multipart.h"
#include "unit/check.h"

#define TYPE "multipart/form-data; boundary=xx"
#define PART(disposition) "--xx\r\nContent-Disposition: form-data; " disposition "\r\n\r\n"

static void finds_the_first_part_with_a_file_name(void **state)
{
    static const struct {
        const char *type, *body, *want; /* want NULL: none */
    } cases[] = {
        { TYPE, PART("name=\"f\"; filename=\"a.png\"") "BYTES\r\n--xx--\r\n", "BYTES" },
        { TYPE, PART("name=\"f\"; filename=\"\"") "\r\n--xx--", "" },
        { TYPE, PART("name=\"t\"") "text\r\n" PART("name=\"f\"; filename*=UTF-8''a") "B\r\n--xx--",
          "B" },
        { "Multipart/Form-Data; charset=utf-8; boundary=\"xx\"",
          PART("name=\"f\"; filename=a") "a\r\n--x\r\nb\r\n--xx--", "a\r\n--x\r\nb" },
        { TYPE, PART("name=\"t\"") "text\r\n--xx--\r\n", NULL },
        { TYPE, PART("name=\"f\"; filename=a") "not closed", NULL },
        { TYPE, "--xx--\r\n", NULL },
        { TYPE, "--xx\r\nContent-Disposition: form-data; filename=a", NULL },
        { TYPE, "", NULL },
        { "multipart/form-data", PART("name=\"f\"; filename=a") "B\r\n--xx--", NULL },
        { "multipart/form-data; boundary=", PART("name=\"f\"; filename=a") "B\r\n--xx--", NULL },
        { "multipart/mixed; boundary=xx", PART("name=\"f\"; filename=a") "B\r\n--xx--", NULL },
        { NULL, PART("name=\"f\"; filename=a") "B\r\n--xx--", NULL },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct multipart_file file;
        bool found =
            multipart_find_file(cases[i].type, cases[i].body, strlen(cases[i].body), &file);
        if (found != (cases[i].want != NULL))
            fail_msg("case %zu: found is %d", i, found);
        if (found &&
            (file.len != strlen(cases[i].want) || memcmp(file.bytes, cases[i].want, file.len) != 0))
            fail_msg("case %zu: %.*s", i, (int)file.len, file.bytes);
    }
}

static void survives_an_upload_that_is_cut_at_any_byte(void **state)
{
    static const char body[] = PART("name=\"t\"") "text\r\n" PART("filename=a") "BYTES\r\n--xx--";
    (void)state;
    for (size_t n = 0; n < sizeof body; n++) {
        struct multipart_file file;
        char *cut = malloc(n + 1); /* so that the sanitizer sees a byte too many */
        memcpy(cut, body, n);
        if (multipart_find_file(TYPE, cut, n, &file))
            assert_int_equal(file.len, 5);
        free(cut);
    }
}

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
        cmocka_unit_test(finds_the_first_part_with_a_file_name),
        cmocka_unit_test(survives_an_upload_that_is_cut_at_any_byte),
        cmocka_unit_test(knows_pictures_by_their_first_bytes),
        cmocka_unit_test(takes_nothing_else_for_a_picture),
    };
    return cmocka_run_group_tests_name("auth_upload", tests, NULL, NULL);
}
