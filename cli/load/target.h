/* cli/load/target.h -- which hosts a load test may hit: this machine and private networks, unless
 * the caller says that the target is theirs. Pure. */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

/*
 * True for loopback and private addresses (RFC 1918, RFC 4193), IPv4-mapped ones too. False for
 * other families, for every public address, and for link-local ones (RFC 3927, RFC 4291): there
 * answer neighbours, and a cloud's metadata (169.254.169.254), which are nobody's gateway.
 */
bool target_is_private(const struct sockaddr *address);
