/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMTRACE_BASE_PATH_NAME_H
#define VMTRACE_BASE_PATH_NAME_H

#include <string.h>

/* What stands behind the last slash, unless that is the end; a part of `path`. */
static inline const char *path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

#endif
