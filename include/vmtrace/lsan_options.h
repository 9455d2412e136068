/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LSAN_OPTIONS of the traced program: key=value, parted by ':', ',' or white space, values perhaps
 * in quotes; of several with one key the last counts (compiler-rt, sanitizer_flag_parser.cpp).
 * Recorder and analyzer each read what concerns them.
 */
#ifndef VMTRACE_LSAN_OPTIONS_H
#define VMTRACE_LSAN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define LSAN_OPTION_SEPARATORS " ,:\n\t\r"

/* The value, which is part of `options` and *length bytes long; NULL if there is none.  `options`
 * may be NULL. */
static inline const char *lsan_option(const char *options, const char *key, size_t *length)
{
    const char *found = NULL;
    size_t key_length = strlen(key);
    while (options && *(options += strspn(options, LSAN_OPTION_SEPARATORS))) {
        const char *name = options;
        size_t name_length = strcspn(options, "=" LSAN_OPTION_SEPARATORS);
        options += name_length;
        if (*options != '=')
            continue;
        const char *value = ++options;
        size_t value_length;
        if (*value == '"' || *value == '\'') {
            const char *end = strchr(++value, *options);
            value_length = end ? (size_t)(end - value) : strlen(value);
            options = value + value_length + (end != NULL);
        } else {
            value_length = strcspn(value, LSAN_OPTION_SEPARATORS);
            options = value + value_length;
        }
        if (name_length == key_length && memcmp(name, key, key_length) == 0) {
            found = value;
            *length = value_length;
        }
    }
    return found;
}

/* A truth value; `usual` where there is none or it is no truth value. */
static inline bool lsan_option_is(const char *options, const char *key, bool usual)
{
    static const char *const words[] = {"0", "1", "no", "yes", "false", "true"};
    size_t length = 0;
    const char *value = lsan_option(options, key, &length);
    for (size_t i = 0; value && i < sizeof(words) / sizeof(words[0]); i++)
        if (strlen(words[i]) == length && memcmp(value, words[i], length) == 0)
            return i & 1;
    return usual;
}

#endif
