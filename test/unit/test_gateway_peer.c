/* test/unit/test_gateway_peer.c -- addresses as text. */
#include "services/gateway/peer.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/alloc.h"
#include "unit/check.h"

static void writes_addresses_as_inet_ntop_does(void **state)
{
    static const uint8_t bytes[] = { 0, 1, 9, 10, 11, 99, 100, 101, 127, 199, 200, 254, 255 };
    char text[INET6_ADDRSTRLEN], want[INET6_ADDRSTRLEN];
    (void)state;

    for (unsigned i = 0; i < LP_COUNT(bytes) * LP_COUNT(bytes); i++) {
        struct sockaddr_in in = { .sin_family = AF_INET };
        uint8_t four[4] = { bytes[i % LP_COUNT(bytes)], bytes[i / LP_COUNT(bytes)],
                            bytes[(i + 5) % LP_COUNT(bytes)], bytes[(i + 3) % LP_COUNT(bytes)] };
        struct sockaddr_in6 six;
        struct in6_addr address;
        memcpy(&in.sin_addr, four, 4);
        memset(&six, 0, sizeof six);
        memcpy(&six, &in, sizeof in);
        peer_from_socket(&six, &address);
        peer_text(&address, text);
        assert_string_equal(text, inet_ntop(AF_INET, four, want, sizeof want));
    }
    peer_text(&in6addr_loopback, text);
    assert_string_equal(text, "::1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_addresses_as_inet_ntop_does),
    };
    return cmocka_run_group_tests_name("gateway_peer", tests, NULL, NULL);
}
