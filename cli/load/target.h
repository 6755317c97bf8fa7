/* cli/load/target.h -- whom a load test may hit: this machine and private networks, unless the
 * caller says that the target is theirs. Pure. */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

/*
 * True for loopback, private (RFC 1918, RFC 4193) and link-local (RFC 3927, RFC 4291) addresses,
 * IPv4-mapped ones too. False for other families and for every public address.
 */
bool target_is_private(const struct sockaddr *address);
