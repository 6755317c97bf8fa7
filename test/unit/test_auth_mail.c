/* The text of mails, and codes in links. */
#include <string.h>

#include "base/alloc.h"
#include "services/auth/mail/code.h"
#include "services/auth/mail/message.h"
#include "unit/check.h"

static struct message message_of(const char *template, const char *to)
{
    return (struct message){ .template = template,
                             .from = "no-reply@example.org",
                             .to = to,
                             .name = "Ann",
                             .link = "https://example.org/?token=x",
                             .id = "7.abc",
                             .wall_ms = 1796000000000 };
}

static void writes_headers_and_the_text_in_base64(void **state)
{
    (void)state;
    struct lp_error err;
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(MESSAGE_MAX);
    struct message m =
        message_of("Subject: Hi\n\nHello {{name}}: {{link}} {{other}}\n", "ann@example.org");
    assert_int_equal(message_write(&m, &out, &err), 0);
    assert_string_equal(out.ptr,
                        "Subject: Hi\r\n"
                        "Date: Mon, 30 Nov 2026 00:53:20 +0000\r\n"
                        "From: <no-reply@example.org>\r\n"
                        "To: <ann@example.org>\r\n"
                        "Message-ID: <7.abc@example.org>\r\n"
                        "MIME-Version: 1.0\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\n"
                        "Content-Transfer-Encoding: base64\r\n"
                        "Auto-Submitted: auto-generated\r\n\r\n"
                        "SGVsbG8gQW5uOiBodHRwczovL2V4YW1wbGUub3JnLz90b2tlbj14IHt7b3RoZXJ9fQo=\r\n");
}

static void encodes_a_subject_that_is_not_ascii(void **state)
{
    (void)state;
    struct lp_error err;
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(MESSAGE_MAX);
    struct message m = message_of("Subject: Best\xC3\xA4tigung\n\n.\n", "ann@example.org");
    assert_int_equal(message_write(&m, &out, &err), 0);
    assert_non_null(strstr(out.ptr, "Subject: =?UTF-8?B?QmVzdMOkdGlndW5n?=\r\n"));
}

static void refuses_receivers_that_would_be_header_lines(void **state)
{
    static const char *const bad[] = { "a@example.org\r\nBcc: b@example.org", "a@example.org\nx",
                                       "a", "<a@example.org>", "" };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(bad); i++) {
        struct lp_error err;
        lp_auto_buf struct lp_buf out = LP_BUF_INIT(MESSAGE_MAX);
        struct message m = message_of("Subject: Hi\n\n.\n", bad[i]);
        assert_int_equal(message_write(&m, &out, &err), LP_E_INVALID);
        assert_int_equal(out.len, 0);
    }
}

static void keeps_line_breaks_of_a_name_inside_the_text(void **state)
{
    (void)state;
    struct lp_error err;
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(MESSAGE_MAX);
    struct message m = message_of("Subject: Hi\n\n{{name}}\n", "ann@example.org");
    m.name = "A\r\n.\r\nRCPT TO:<b@example.org>";
    assert_int_equal(message_write(&m, &out, &err), 0);
    assert_null(strstr(out.ptr, "RCPT"));
}

static void makes_codes_that_differ_and_hashes_only_what_looks_like_one(void **state)
{
    char one[CODE_TEXT], two[CODE_TEXT], hash[STORE_CODE_HASH], again[STORE_CODE_HASH];
    struct lp_error err;
    (void)state;
    assert_int_equal(code_make(one, hash, &err), 0);
    assert_true(code_hash(one, again));
    assert_string_equal(hash, again);
    assert_int_equal(code_make(two, hash, &err), 0);
    assert_string_not_equal(one, two);
    assert_false(code_hash("", hash));
    assert_false(code_hash("short", hash));
    one[5] = '\'';
    assert_false(code_hash(one, hash));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_headers_and_the_text_in_base64),
        cmocka_unit_test(encodes_a_subject_that_is_not_ascii),
        cmocka_unit_test(refuses_receivers_that_would_be_header_lines),
        cmocka_unit_test(keeps_line_breaks_of_a_name_inside_the_text),
        cmocka_unit_test(makes_codes_that_differ_and_hashes_only_what_looks_like_one),
    };
    return cmocka_run_group_tests_name("auth_mail", tests, NULL, NULL);
}
