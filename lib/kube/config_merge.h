/* lib/kube/config_merge.h -- the files of KUBECONFIG as one kubeconfig, by kubectl's rules
 * (client-go, tools/clientcmd/loader.go). For config.c. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

/*
 * `paths` is one path, which must be there, or, where `list`, several with ':' between them, of
 * which those that are not there are left out. The first file that sets current-context, or has an
 * entry of a name, counts. Relative paths of files in an entry are those of its own file's folder:
 * they come out resolved. *ret_config is an object of the caller's; NULL where `list` and none of
 * the files is there or all are empty. At most 32 files; fails as lp_file_read and lp_yaml_parse
 * do, with the file's path.
 */
LP_MUST_USE int lp_kube_config_merge(const char *paths, bool list, json_t **ret_config,
                                     struct lp_error *err);
