/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

enum vmt_error error_set(struct error *error, enum vmt_error code, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        error->code = code;
        vsnprintf(error->message, sizeof(error->message), format, arguments);
        va_end(arguments);
    }
    return code;
}

enum vmt_error error_no_memory(struct error *error)
{
    return error_set(error, VMT_ERROR_MEMORY, "out of memory");
}
