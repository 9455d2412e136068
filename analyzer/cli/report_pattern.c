/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_pattern.h"

#include <inttypes.h>
#include <stdlib.h>

bool report_pattern_has_pid(const char *pattern)
{
    for (const char *at = pattern; *at; at++) {
        if (*at != '%')
            continue;
        if (at[1] == 'p')
            return true;
        at += at[1] == '%';
    }
    return false;
}

char *report_pattern_expand(const char *pattern, uint32_t pid)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    for (const char *at = pattern; *at; at++) {
        bool is_pid = at[0] == '%' && at[1] == 'p';
        if (is_pid)
            fprintf(out, "%" PRIu32, pid);
        else
            fputc(*at, out);
        at += is_pid || (at[0] == '%' && at[1] == '%');
    }
    bool good = !ferror(out);
    if (fclose(out) == 0 && good)
        return text;
    free(text);
    return NULL;
}

void report_pattern_quote(const char *text, FILE *out)
{
    for (; *text; text++) {
        if (*text == '%')
            fputc('%', out);
        fputc(*text, out);
    }
}
