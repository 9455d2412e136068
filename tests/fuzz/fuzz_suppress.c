/* SPDX-License-Identifier: Apache-2.0 */
/* Target: any bytes as a file of suppressions, which are then looked up; and, up to a first newline
 * and from there on, as a pattern and a name, judged by a matcher that is plain and slow. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_trace.h"
#include "suppress/suppression.h"

#define MOST_BYTES 24 /* of a pattern or a name for the slow matcher */

static bool slow_glob(const char *pattern, const char *text)
{
    if (*pattern == '\0')
        return *text == '\0';
    if (*pattern == '*')
        return slow_glob(pattern + 1, text) || (*text && slow_glob(pattern, text + 1));
    return *text && (*pattern == '?' || *pattern == *text) && slow_glob(pattern + 1, text + 1);
}

static void check(bool good)
{
    if (!good)
        abort();
}

static void compare_globs(const uint8_t *bytes, size_t size)
{
    char pattern[MOST_BYTES + 1] = "", name[MOST_BYTES + 1] = "";
    const uint8_t *end = size ? memchr(bytes, '\n', size) : NULL;
    if (!end)
        return;
    size_t first = (size_t)(end - bytes), rest = size - first - 1;
    memcpy(pattern, bytes, first < MOST_BYTES ? first : MOST_BYTES);
    memcpy(name, end + 1, rest < MOST_BYTES ? rest : MOST_BYTES);
    check(suppression_glob(pattern, name) == slow_glob(pattern, name));
    if (!strpbrk(pattern, "?^$")) {
        char around[MOST_BYTES + 3] = "*";
        strcat(around, pattern);
        strcat(around, "*");
        check(suppression_template(pattern, name) == slow_glob(around, name));
    }
}

static void match_all(const struct suppression_list *list)
{
    static const struct suppression_place places[] = {
        {.names = {"malloc"}},
        {.names = {"inner"}, .file = "/src/inner.c", .line = 7, .inlined = true},
        {.names = {"ns::f(int)", "_ZN2ns1fEi"}, .module = "/lib/libplug.so.2"},
        {.module = "/lib/libnameless.so"},
        {.names = {"main"}, .file = "main.c", .line = 3, .module = "/bin/app"},
    };
    for (size_t count = 0; count <= sizeof(places) / sizeof(*places); count++)
        for (unsigned kind = 1; kind <= SUPPRESSION_UNSCANNED; kind *= 2) {
            struct suppression_query query = {SUPPRESSION_LEAK, kind, places, count};
            const struct suppression *found = suppression_list_match(list, &query);
            check(!found || (found->type == SUPPRESSION_LEAK && (found->kinds & kind)));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct error error = {.code = VMT_OK};
    struct suppression_list *list = suppression_list_new();
    if (!list)
        return 0;
    enum vmt_error code = suppression_list_parse(list, "fuzz", (const char *)bytes, size, &error);
    check(code == VMT_OK || strncmp(error.message, "fuzz:", 5) == 0 || code == VMT_ERROR_MEMORY);
    for (size_t i = 0; i < list->count; i++)
        check(list->items[i].line > 0 && list->items[i].name &&
              (list->items[i].pattern || list->items[i].frame_count > 0));
    match_all(list);
    suppression_list_free(list);
    compare_globs(bytes, size);
    return 0;
}
