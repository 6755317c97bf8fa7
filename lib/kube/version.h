/* lib/kube/version.h -- resourceVersions in their order. */
#pragma once

#include <stdbool.h>

/*
 * True where `now` is as new as `wanted`, of two objects of one resource. KEP-5504: decimal numbers
 * of at most 128 bits without leading zeros, which grow; so they are compared as text, of any
 * length. What is not of that form is only ever equal or not. NULL: no version, never new enough.
 */
bool lp_kube_version_reached(const char *now, const char *wanted);
