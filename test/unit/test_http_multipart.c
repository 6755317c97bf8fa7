/* test/unit/test_http_multipart.c -- the parts of a form (RFC 7578). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "http/multipart.h"
#include "unit/check.h"

#define TYPE "multipart/form-data; boundary=xx"
#define PART(disposition) "--xx\r\nContent-Disposition: form-data; " disposition "\r\n\r\n"

/* "name:bytes" or "name*:bytes" of a file, one behind the other, and how it ended. */
static void read_form(const char *type, const char *body, size_t len, struct lp_buf *told)
{
    struct lp_multipart form;
    struct lp_multipart_part part;
    struct lp_error why;
    int r = lp_multipart_begin(&form, type, body, len, &why);

    if (r < 0) {
        lp_buf_str(told, "refused");
        return;
    }
    while ((r = lp_multipart_next(&form, &part, &why)) == 0)
        lp_buf_printf(told, "%s%s:%.*s|", part.name, part.is_file ? "*" : "", (int)part.len,
                      part.bytes);
    lp_buf_str(told, r == LP_E_NOT_FOUND ? "end" : "cut");
}

static void every_part_comes_with_its_name_and_whether_it_is_a_file(void **state)
{
    static const struct {
        const char *type, *body, *want;
    } cases[] = {
        { TYPE, PART("name=\"f\"; filename=\"a.png\"") "BYTES\r\n--xx--\r\n", "f*:BYTES|end" },
        { TYPE, PART("name=\"f\"; filename=\"\"") "\r\n--xx--", "f*:|end" },
        { TYPE, PART("name=t") "text\r\n" PART("filename*=UTF-8''a; name=\"f\"") "B\r\n--xx--",
          "t:text|f*:B|end" },
        { "Multipart/Form-Data; charset=utf-8; boundary=\"xx\"",
          PART("name=\"f\"; filename=a") "a\r\n--x\r\nb\r\n--xx--", "f*:a\r\n--x\r\nb|end" },
        { TYPE, PART("name=\"a \\\"b\\\" ; name=x\"") "1\r\n--xx--", "a \"b\" ; name=x:1|end" },
        { TYPE, PART("name=\"filename=x\"") "1\r\n--xx--", "filename=x:1|end" },
        { TYPE, PART("names=\"n\"; myname=m; name") "1\r\n--xx--", ":1|end" },
        { TYPE,
          "--xx\r\nX: form-data; name=x\r\ncontent-disposition:form-data;name=y\r\n\r\n\r\n--xx--",
          "y:|end" },
        { TYPE, "--xx\r\nContent-Disposition: attachment; name=x\r\n\r\n1\r\n--xx--", ":1|end" },
        { TYPE, "--xx\r\n\r\nno head\r\n--xx--", ":no head|end" },
        { TYPE, PART("name=\"t\"") "not closed", "cut" },
        { TYPE, "--xx\r\nContent-Disposition: form-data; filename=a", "cut" },
        { TYPE, "--xx--\r\n", "end" },
        { TYPE, "", "refused" },
        { TYPE, "x--xx--\r\n", "refused" },
        { "multipart/form-data", "--xx--", "refused" },
        { "multipart/form-data; boundary=", "--xx--", "refused" },
        { "multipart/mixed; boundary=xx", "--xx--", "refused" },
        { NULL, "--xx--", "refused" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_buf struct lp_buf told = LP_BUF_INIT(4096);
        read_form(cases[i].type, cases[i].body, strlen(cases[i].body), &told);
        if (strcmp(told.ptr, cases[i].want) != 0)
            fail_msg("case %zu: %s", i, told.ptr);
    }
}

static void a_name_that_is_too_long_is_none(void **state)
{
    char body[256], name[LP_MULTIPART_NAME + 1];
    (void)state;
    memset(name, 'n', sizeof name);
    for (int n = LP_MULTIPART_NAME - 1; n <= LP_MULTIPART_NAME; n++) {
        lp_auto_buf struct lp_buf told = LP_BUF_INIT(4096);
        snprintf(body, sizeof body, PART("name=\"%.*s\"") "1\r\n--xx--", n, name);
        read_form(TYPE, body, strlen(body), &told);
        assert_int_equal(strlen(told.ptr), n < LP_MULTIPART_NAME ? n + 6 : 6);
    }
}

static void a_boundary_has_70_bytes_at_most(void **state)
{
    char boundary[72], type[128], body[128];
    (void)state;
    memset(boundary, 'b', sizeof boundary);
    for (int n = 70; n <= 71; n++) {
        lp_auto_buf struct lp_buf told = LP_BUF_INIT(64);
        snprintf(type, sizeof type, "multipart/form-data; boundary=%.*s", n, boundary);
        snprintf(body, sizeof body, "--%.*s--", n, boundary);
        read_form(type, body, strlen(body), &told);
        assert_string_equal(told.ptr, n == 70 ? "end" : "refused");
    }
}

static void survives_a_form_that_is_cut_at_any_byte(void **state)
{
    static const char body[] =
        PART("name=\"t\"") "text\r\n" PART("filename=a; name=b") "BYTES\r\n--xx--";
    (void)state;
    for (size_t n = 0; n < sizeof body; n++) {
        lp_auto_buf struct lp_buf told = LP_BUF_INIT(4096);
        char *cut = malloc(n + 1); /* so that the sanitizer sees a byte too many */
        memcpy(cut, body, n);
        read_form(TYPE, cut, n, &told);
        free(cut);
        const char *want = n < 4 ? "refused" : n < sizeof body - 1 ? "cut" : "BYTES|end";
        assert_non_null(strstr(told.ptr, want));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_comes_with_its_name_and_whether_it_is_a_file),
        cmocka_unit_test(a_name_that_is_too_long_is_none),
        cmocka_unit_test(a_boundary_has_70_bytes_at_most),
        cmocka_unit_test(survives_a_form_that_is_cut_at_any_byte),
    };
    return cmocka_run_group_tests_name("http_multipart", tests, NULL, NULL);
}
